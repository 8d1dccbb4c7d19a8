# ---
# jupyter:
#   dermbook:
#     chapter: class-imbalance
#     title: Class imbalance
#     question: Which remedy for unequal classes helps which score, and at what price?
#     description: Weights, over- and undersampling, factors and correction, with paired intervals
#     part: II
#     needs: []
#     rows: ["0.3", "0.15", "2.1", "3.2", "3.3", "4.5"]
#     lessons: []
#     accelerator: optional
#     minutes: {quick: 0.4, laptop: 15.0}
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
# # Class imbalance
#
# **Question.** Which remedy for unequal classes helps which score, and at what price?
#
# Two thirds of HAM10000 are naevi; dermatofibromas are one image in a hundred. A model that
# answers *naevus* every time is right two times in three. All our reports saw this, and each did
# something else: R0 and R4 weighted the classes, R1 copied the malignant ones, R2 drew more of
# some and fewer of others, R3 repeated each class by a factor of its own and dropped the weighted
# loss. Some found that it helped, others that it did not. They looked at different scores. A
# remedy moves a model along a trade: more of the rare classes found, more false alarms for them.
# Whether that is *better* depends on the score, so here every remedy meets the same model, splits
# and scores.
#
# ## What you will be able to do
#
# - compute class weights, and check a report's weights against its counts;
# - resample the training part, and only that, by five rules;
# - say which score a remedy can raise, before you try it;
# - tell a class that is never predicted from one that is predicted and never right;
# - change the balance of a finished model without training it again.
#
# ## What it needs
#
# No other chapter. In the `quick` edition it uses two **phantom** collections, one of seven
# classes and one of many, and vectors of plain pixels. The `laptop` edition uses vectors of a
# frozen network for HAM10000 {cite}`tschandl2018ham10000` and for the photographs of
# Fitzpatrick17k {cite}`groh2021fitzpatrick17k` that are at hand.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantoms, the draws and the bootstrap
collection: str = "phantom"  # of seven classes: phantom, or ham10000 once it is imported
images: int = 700  # how many pictures; 0 takes all of an imported collection
clinical: str = "phantom-clinical"  # of many classes; or fitzpatrick17k once it is imported
clinical_images: int = 700  # how many of them; 0 takes all of an imported collection
strategies: list[str] = ["all"]  # remedies that are compared; "all" takes every one
many_strategies: list[str] = ["all"]  # likewise, on the many classes
repeats: int = 5  # how many splits, with the seeds 0, 1, 2 …
backbone: str = "pixels"  # what makes the vectors: pixels, or a frozen network like mobilenetv2
weights: str = "imagenet"  # of that network: imagenet or random
height: int = 48  # pixels, of pictures before they become vectors
width: int = 64  # pixels, of pictures before they become vectors
recipe: str = "flips"  # by which copies are made for augmented oversampling
network: str = "r2-cnn"  # a network trained from scratch, to see whether it agrees
network_strategies: list[str] = []  # its strategies, beside none; [] trains none
network_seeds: list[int] = [0]  # of its weights and splits
network_height: int = 48  # pixels, as the network sees them
network_width: int = 64  # pixels, as the network sees them
epochs: int = 6  # passes of the network over the training part, at most

# %% [markdown]
# ## Unequal classes
#
# The training part as it is, and what R2's joint over- and undersampling makes of it (row 2.1):
# every class drawn to the same size, the rare ones with repetition, the frequent ones with images
# left out.

# %%
from dermbook import plots
from dermbook.data import load_collection
from dermbook.evaluation.imbalance import (
    class_scores,
    compare_imbalance,
    f1_and_size,
    spread,
    strategy_effects,
    strategy_scores,
    vector_learner,
    why_zero,
)
from dermbook.evaluation.paired import seed_splits
from dermbook.publishing import imbalance, open_chapter, summaries
from dermbook.publishing.no_gain import r0_differences
from dermbook.training.sampling import sampled_counts

chapter = open_chapter("class-imbalance", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
splits = seed_splits(lesions, range(repeats))
chapter.uses(lesions, splits[0])
chapter.parameter_table()

# %%
chapter.add_series("samplers", sampled_counts(splits[0], lesions, seed=seed))
chapter.add_series(
    "before-after",
    imbalance.before_and_after(chapter.series("samplers"), ["none", "combined"]),
)
chapter.figure(
    "before-after",
    plots.class_bars,
    caption="Training images of each class as they are, and after joint over- and undersampling.",
    alt="Two bars a class: very unequal before, equal after.",
)

# %% [markdown]
# Sampling takes a *split* and touches its training part only; asked for another part, it refuses.
# A resampled test would have another mix of classes than the clinic, and sampling before the split
# would put copies of one image on both sides.

# %%
chapter.table(
    "samplers",
    caption="Ids that each rule draws for each class, and how many different images they are.",
    folded=True,
)

# %% [markdown]
# ## The reports' arithmetic
#
# *Balanced* weights count each class alike: class *c* with $n_c$ of $n$ images in $k$ classes gets
# $n / (k\, n_c)$. R4 prints its weights in full, and its counts; do they agree?

# %%
chapter.add_series("r4-weights", imbalance.r4_weights())
chapter.table(
    "r4-weights",
    caption="R4's class weights as printed, and recomputed from its training counts.",
    formats={"reported": ".6f", "ours": ".6f"},
    of="reports",
)

# %% [markdown]
# R3 repeated its training rows by a factor for each class, and says that 8,012 rows became 36,625.
# It does not print the factors. One set of whole factors brings every class near `nv` and gives
# that total exactly:

# %%
chapter.add_series("r3-factors", imbalance.r3_factors())
chapter.table(
    "r3-factors",
    caption="R3's training images, the factors, the rows they give, and the factor that would "
    "have brought each class nearest to nv.",
    of="reports",
)

# %% [markdown]
# R0 concludes that weights did not help. Its own tables are less sure: they helped one network in
# two of the scores and hurt the other in all three.

# %%
chapter.add_series("r0-differences", r0_differences())
chapter.table(
    "r0-differences",
    caption="R0's test scores without and with class weights.",
    formats={"without": ".3f", "with": ".3f", "difference": "+.3f"},
    of="reports",
)

# %% [markdown]
# ## Nine remedies, one model
#
# The model is a logistic head on vectors: quick to train, so that each remedy meets every split.
# The last remedy trains nothing: *prior correction* divides the probabilities of the model without
# remedy by the classes' shares in training. Every interval resamples lesions and splits, the same
# for both sides.

# %%
size = {"backbone": backbone, "height": height, "width": width, "weights": weights}
head = f"logistic on {backbone}"
with chapter.timing("vectors"):
    vectors, copies = imbalance.vectors_of(lesions, recipe=recipe, seed=seed, **size)
with chapter.timing("remedies"):
    learn = vector_learner(vectors, lesions, splits, copies=copies)
    found = compare_imbalance(learn, imbalance.chosen(strategies), range(repeats))

# %%
chapter.add_series("effects", strategy_effects(found, seed=seed))
chapter.figure(
    "effects",
    plots.remedy_effects,
    caption="Each remedy against none, in four scores. Hollow: the interval holds zero.",
    alt="Differences with intervals: balanced accuracy mostly rises, micro F1 mostly falls.",
)

# %%
chapter.add_series("scores", strategy_scores(found, seed=seed))
imbalance.add_scores(chapter, chapter.series("scores"), head)
chapter.table(
    "scores",
    caption="Scores of each remedy with 95 % intervals.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f"},
    folded=True,
)

# %% [markdown]
# Read the four panels together. Micro F1 *is* accuracy and belongs to the frequent classes;
# balanced accuracy is the mean recall and belongs to all alike; macro F1 also charges the false
# alarms that rare classes now raise. A remedy that finds more of the rare must give up some of the
# frequent.

# %%
chapter.add_series("classes", class_scores(found, lesions, splits))
chapter.figure(
    "classes",
    plots.recall_by_strategy,
    strategies=["none", "balanced weights", "square-root weights"],
    caption="Recall of each class, the rarest first, without a remedy and with two.",
    alt="Dots a class: rare classes gain recall with weights, the most frequent loses.",
)

# %% [markdown]
# ## A network from scratch
#
# Does a network that is trained in full agree? (Only where `network_strategies` names some.)

# %%
trained = imbalance.network_scores(
    network, network_strategies, lesions, splits, network_seeds,
    height=network_height, width=network_width, epochs=epochs,
    checkpoints=chapter.output / "checkpoints" / chapter.name, seed=seed,
)  # fmt: skip
chapter.add_series("network", trained)
chapter.table(
    "network",
    caption="The network with each remedy against none.",
    formats={"first": ".3f", "second": ".3f", "value": ".3f", "low": ".3f", "high": ".3f"},
)

# %% [markdown]
# ## Many classes
#
# R0's collection has 114 classes, some with a few dozen images. There the question is not how well
# a rare class is found but whether it is found at all.

# %%
many = imbalance.many_classes(
    clinical, images=clinical_images, height=height, width=width, seed=seed
)
many_splits = seed_splits(many, range(repeats))
chapter.uses(many, many_splits[0])
many_vectors, _ = imbalance.vectors_of(many, **size)

# %%
with chapter.timing("remedies, many classes"):
    learn_many = vector_learner(many_vectors, many, many_splits)
    chosen = imbalance.chosen(many_strategies, copies=False)
    found_many = compare_imbalance(learn_many, chosen, range(repeats))
chapter.add_series("many-effects", strategy_effects(found_many, seed=seed))
chapter.figure(
    "many-effects",
    plots.remedy_effects,
    caption="Each remedy against none, on the collection of many classes.",
    alt="Differences with intervals in four scores for the collection of many classes.",
)

# %% [markdown]
# ## Classes at zero
#
# R0 names four classes with an F1 of zero, and explains: the images of three are too different from
# each other, those of the fourth too similar. Both can be measured. *Spread* is how far a class's
# images lie from their mean, relative to all images: 1 means no more alike than any pictures.

# %%
chapter.add_series("many-classes", class_scores(found_many, many, many_splits))
chapter.figure(
    "many-classes",
    plots.f1_by_size,
    strategies=["none", "balanced weights"],
    caption="F1 of each class against its training images.",
    alt="F1 rises with the number of training images; several classes lie at zero.",
)

# %%
unlike = spread(many_vectors, many, many_splits[0].parts["train"])
chapter.add_series("zero-counts", imbalance.zero_counts(chapter.series("many-classes")))
chapter.add_series("zero", why_zero(chapter.series("many-classes"), unlike))
chapter.table("zero-counts", caption="Classes with an F1 of zero, over all splits, by remedy.")

# %%
chapter.table(
    "zero",
    caption="The classes at zero: images, how often they are predicted, and their spread.",
    formats={"train": ".1f", "spread": ".2f"},
    folded=True,
)

# %%
chapter.add_series("f1-and-size", f1_and_size(chapter.series("many-classes"), unlike, seed=seed))
chapter.table(
    "f1-and-size",
    caption="Spearman's correlation of a class's F1 with its training images and with its spread.",
    formats={"value": "+.2f", "low": "+.2f", "high": "+.2f"},
)

# %% [markdown]
# ## What we found

# %%
imbalance.add_scores(chapter, strategy_scores(found_many, seed=seed), f"many {head}")
imbalance.answer_claims(chapter, many, f"many {head}")
imbalance.add_r3_rows(chapter, lesions, seed=seed)
imbalance.add_findings(chapter, many)
chapter.summary(summaries.class_imbalance)

# %%
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. Balanced weights and oversampling give nearly the same scores. Why? When would they differ?
# 2. A class has 10 training images of 10,000 in seven classes. What is its balanced weight, and
#    what does one mislabelled image of it do?
# 3. Which remedy would you take for *never miss a melanoma*, and which for *sort my archive*?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. An image drawn five times counts like an image of weight five: the expected loss is the same.
#    In training by small batches the weighted image arrives once with a large step, the repeated
#    one five times with small ones; and copies can be augmented, weights cannot.
# 2. $10000 / (7 \cdot 10) \approx 143$. One wrong label then weighs as much as 143 images: weights
#    multiply mistakes, too. Square-root weights are gentler.
# 3. For the melanoma: do not touch the training at all if the probabilities are good; choose the
#    threshold by cost (the chapter on decisions does), or correct the prior. For the archive: the
#    plain model, for it has the best accuracy.
# ```

# %%
chapter.close()
