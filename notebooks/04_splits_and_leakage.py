# ---
# jupyter:
#   dermbook:
#     chapter: splits-and-leakage
#     title: Splits and leakage
#     question: How much of a test score is memory, when the parts of a split are not apart?
#     description: The reports' divisions rebuilt and audited, and what each leak adds to a score
#     part: I
#     needs: [data-cleaning]
#     rows: ["0.2", "3.1", "4.3"]
#     lessons: [M2, M3, M9]
#     accelerator: none
#     minutes: {quick: 0.4, laptop: 12}
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: dermbook,jupytext,kernelspec,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Splits and leakage
#
# **Question.** How much of a test score is memory, when the parts of a split are not apart?
#
# A test is worth something only if the model meets its images for the first time. Four of our five
# reports divided HAM10000 {cite}`tschandl2018ham10000` image by image, although many of its lesions
# were photographed more than once. One of them drew its three parts independently, so that most
# test images were in training, too. Another seems to have made its augmented copies before it
# divided. This chapter rebuilds each division, counts what passes from training into the test, and
# then measures what each kind of leak is worth in points of score.
#
# ## What you will be able to do
#
# - rebuild a published split from its class counts, and tell which parts of it hang on the seed;
# - audit any split for shared images, shared lesions and identical files;
# - predict by a formula how much an unguarded split leaks, before you count;
# - design an experiment that changes the leak and nothing else;
# - say why augmented copies come after the split.
#
# ## What it needs
#
# The chapter on data cleaning, for its list of copies, and no accelerator. In the `quick` edition
# it uses a **phantom** collection and vectors of plain pixels. With HAM10000 imported, the `laptop`
# edition uses the vectors of a frozen network: they take a few minutes the first time and are then
# kept.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the audited splits, the copies and the bootstrap
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 700  # how many pictures; 0 takes all of an imported collection
height: int = 96  # pixels, to which pictures are resized
width: int = 128  # pixels, to which pictures are resized
repeats: int = 10  # how often each experiment is repeated, with the seeds 0, 1, 2 …
backbone: str = "pixels"  # what makes the vectors: pixels, or a frozen network like mobilenetv2
weights: str = "imagenet"  # of that network: imagenet or random
classifier: str = "logistic"  # what learns from the vectors: logistic or nearest

# %% [markdown]
# ## Six ways to divide one collection
#
# Two of the reports say exactly how they divided (R3, R4), one gives the shares (R0), one gives a
# number of test images from which we infer a tenth (R1). R2 names a training, an evaluation and a
# testing part and gives neither sizes nor a method, so there is nothing to rebuild. The last two
# ways keep the photographs of a lesion together: the book's own, and scikit-learn's
# `StratifiedGroupKFold`.

# %%
from dermbook import plots
from dermbook.data import load_collection, malignant_or_benign
from dermbook.data.strategies import split_table
from dermbook.evaluation.leakage import leak_shares, leak_table
from dermbook.publishing import leakage, open_chapter, summaries

chapter = open_chapter("splits-and-leakage", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
splits = leakage.all_splits(lesions, seed=seed)
chapter.uses(lesions)
chapter.parameter_table()

# %%
chapter.add_series("strategies", leakage.strategy_table(lesions, splits))
chapter.table("strategies", caption="The divisions: whose, which row, how, and images a part.")

# %% [markdown]
# ## The class tables side by side
#
# Each cell holds the images in train / validation / test.

# %%
chapter.add_series("class-counts", split_table(splits, lesions))
chapter.table(
    "class-counts",
    caption="Images of each class in train / validation / test, by strategy.",
    shape=leakage.side_by_side,
)

# %% [markdown]
# R3 prints its class table, and R4's notebook holds the counts in its code. Can a reader who has
# only the data get the same tables? On HAM10000, R3's follows from two calls of
# `train_test_split`, both stratified: first 20 % leave train, then half of these become the test.
# Other orders of the calls, such as taking the test away first, give tables that differ in several
# cells. R4's follows from rounding down twice: first the size of the part, then each class's share.

# %%
chapter.add_series("count-comparison", leakage.count_comparison(splits, lesions))
chapter.table(
    "count-comparison",
    caption="The class counts that R3 and R4 print beside ours, cell by cell.",
    folded=True,
)

# %% [markdown]
# Do these counts hang on the seed, which neither report states? Rounding rules fix the counts of a
# stratified draw; a plain random draw and folds of whole groups come out a little different each
# time.

# %%
chapter.add_series("seeds", leakage.seed_table(lesions, range(5)))
chapter.table("seeds", caption="Whether the class counts of the parts differ from seed to seed.")

# %% [markdown]
# ## The audit
#
# Equal class counts say nothing of leaks. For each test image we ask what train holds of it: the
# image itself, another file with the same content, another photograph of the lesion, or nothing.
# The chapter on data cleaning found lesions that go by two names (on HAM10000; its phantom is not
# this one). Their photographs are siblings that no lesion id tells of, and even a division by
# lesion lets them through.

# %%
copies_known = leakage.known_copies(chapter, lesions)
chapter.add_series("audit", leak_table(splits, lesions, pairs=copies_known))
chapter.table(
    "audit",
    caption="Images of each part that train holds something of, and lesions on both sides.",
    formats={"percent_leaking": ".1f"},
)

# %%
chapter.add_series("leaks", leak_shares(splits, lesions, pairs=copies_known))
chapter.figure(
    "leaks",
    plots.leak_bars,
    caption="What train holds of the test images, each counted once by the worst.",
    alt="Stacked bars, one a strategy: R4's test is mostly in train; divisions by image leave a "
    "third or more of the test with siblings; divisions by lesion leave next to nothing.",
)

# %% [markdown]
# ## What chance predicts
#
# None of this is bad luck. When both parts are drawn from one pool of $N$ images of a class, $n$ of
# them for train, each test image is in train with probability $n/N$: four fifths, in R4. When an
# image has $s$ siblings, and train takes $n$ of the other $N-1$ images, it escapes them all with
# probability $\binom{N-1-s}{n} / \binom{N-1}{n}$. Average that over the test, and the audit's
# counts are known before any seed is set.

# %%
chapter.add_series("chance", leakage.chance_table(lesions, range(repeats)))
chapter.table(
    "chance",
    caption="Share of test images in train, and with a sibling in train: expected, and measured "
    "as the mean over seeds (smallest to largest seed).",
)

# %% [markdown]
# ## Vectors instead of a network
#
# To repeat an experiment over many seeds it must be quick. So each image becomes one vector, once,
# and two small learners train on the vectors. *Logistic* regression generalises. The *nearest*
# neighbour answers with the class of the most similar training image: it is memory and nothing
# else, and shows the most that a leak can do. A network that is trained in full, as the reports'
# were, can remember more than a logistic regression on fixed vectors and less than the nearest
# neighbour.

# %%
with chapter.timing("vectors"):
    size = {"height": height, "width": width}
    vectors = leakage.image_vectors(lesions, backbone, weights=weights, **size)
chosen = {"seeds": range(repeats), "learner": classifier, "seed": seed}

# %% [markdown]
# ## Three draws from one pool (lesson M2)
#
# We train on R4's train part and score its test in two heaps: images that train holds, and images
# that it does not. Lots decide which image of a class falls into which heap, so the heaps differ in
# nothing but the leak.
#
# Every interval below resamples seeds and lesions, because the seeds use the same lesions again
# and again. Both sides of a difference meet the same resamples.

# %%
with chapter.timing("overlap"):
    overlap = leakage.overlap_effects(vectors, lesions, **chosen)
chapter.add_series("overlap-effects", overlap)
chapter.figure(
    "overlap-effects",
    plots.effect_intervals,
    caption="Difference in balanced accuracy: R4's test images that are in train against those "
    "that are not, and R4's whole test against the latter (in brackets both scores).",
    alt="Intervals of the difference for two learners; all of the nearest neighbour's lie far "
    "above zero.",
)

# %% [markdown]
# ## Siblings, injected in pairs (lesson M3)
#
# Dividing by image and dividing by lesion give different test images and different training
# images, so comparing the two mixes the leak with luck. A paired design does not. We choose test
# lesions that have several photographs and test one of each. One training set holds nothing of
# these lesions. The other has some of its images replaced by siblings of every other test lesion,
# class by class, so that both have the same size and the same mix of classes. The test images are
# the same. Those whose siblings stay out are a control: their score should not move.

# %%
with chapter.timing("siblings"):
    siblings = leakage.sibling_effects(vectors, lesions, **chosen)
chapter.add_series("sibling-effects", siblings)
chapter.figure(
    "sibling-effects",
    plots.effect_intervals,
    caption="Difference in balanced accuracy on the same test images when siblings are put in "
    "train, and for the control images (in brackets both scores).",
    alt="Intervals of the difference for injected siblings and for the control, two learners.",
)

# %% [markdown]
# A whole test holds images without siblings, too, so a report gains less than that. What would have
# been reported? The same model, divided as R3 did and by lesion, with parts of the same size:

# %%
with chapter.timing("reported"):
    reported = leakage.reported_effects(vectors, lesions, **chosen)
chapter.add_series("reported-effects", reported)
chapter.table(
    "reported-effects",
    caption="Scores of a test divided by lesion (first) and by image (second), and the difference.",
    formats={"first": ".3f", "second": ".3f", "value": ".3f", "low": ".3f", "high": ".3f"},
)

# %% [markdown]
# ## Copies before the split (lesson M9)
#
# R1 balanced its classes by copying malignant images: flipped, turned by 180°, scaled, cropped,
# shifted (row 1.2). Its own figures suggest that it copied first and divided after. A tenth of the
# data would be less than a fifth malignant, and R1's test is more than a quarter; and there are
# more images in its training batches than in the data. The two figures do not need the same number
# of copies, so what was done exactly cannot be known.

# %%
chapter.add_series("r1-arithmetic", leakage.r1_arithmetic())
chapter.table(
    "r1-arithmetic",
    caption="What follows from R1's own figures and the class counts of HAM10000.",
    formats={"value": ",.4g"},
    of="reports",
)

# %% [markdown]
# We set a tenth of the lesions aside as an *honest* test. The rest goes through three protocols:
# copy and then split, as many copies as R1's test share needs; split by image without copies; and
# split by lesion, then copy in train only. Each model meets its protocol's own test and the honest
# one.

# %%
binary = malignant_or_benign(lesions)
with chapter.timing("copies"):
    embed = leakage.embedder(backbone, weights=weights, **size)
    copies = leakage.malignant_copies(binary, embed, seed=seed, **size)

# %%
with chapter.timing("protocols"):
    effects, facts = leakage.copy_effects(vectors, copies, binary, **chosen)
chapter.add_series("copy-facts", facts)
chapter.add_series("copy-effects", effects)
chapter.table(
    "copy-facts",
    caption="The protocols, means over seeds: images, the malignant share of the own test, and the "
    "share of its malignant images whose lesion is in train.",
    formats={"train": ",.0f", "test": ",.0f", "malignant": ".3f", "kin": ".3f"},
)

# %%
chapter.figure(
    "copy-effects",
    plots.effect_intervals,
    caption="Difference in balanced accuracy between each protocol's own test and the honest test "
    "of the same model (in brackets: honest → own).",
    alt="Intervals of the difference for three protocols and two learners, beside zero.",
)

# %%
chapter.table(
    "copy-effects",
    caption="The same for every score: honest test (first), own test (second), difference.",
    formats={"first": ".3f", "second": ".3f", "value": ".3f", "low": ".3f", "high": ".3f"},
    folded=True,
)

# %% [markdown]
# ## What we found

# %%
leakage.add_findings(chapter)
chapter.summary(summaries.splits_and_leakage)

# %%
chapter.findings_table()

# %%
chapter.add_counts(
    leakage.part_sizes(splits),
    of=lesions,
    claims=leakage.SIZE_CLAIMS,
)
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. R4 draws 80 % of a class for train and 10 % for the test, independently. What share of the
#    test do you expect in train? And if train were 50 %?
# 2. Why does the paired experiment replace training images by siblings, where it could have added
#    them?
# 3. The control images hardly move. What would it mean if they did?
# 4. A collection names no lesions. How would you still guard its split?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Train's share of the pool, whatever the size of the test: 80 %, and 50 %.
# 2. Added images would make the second training set larger, and a larger training set is better
#    anyway. Replaced one for one within a class, size and mix stay the same, so only the kinship
#    changes.
# 3. Then the two training sets would differ in more than the siblings of the injected lesions, for
#    example in quality: lesions photographed twice may be easier or harder to learn from. The
#    difference would have to be taken off the effect.
# 4. Look for near-duplicates (the chapter on cleaning does), treat each chain of them as one
#    lesion, and group by patient, clinic or date where these are known.
# ```

# %%
chapter.close()
