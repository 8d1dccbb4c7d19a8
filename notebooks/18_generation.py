# ---
# jupyter:
#   dermbook:
#     chapter: generation
#     title: Generation
#     question: Can a network that paints a rare class help a classifier to find it?
#     description: A small GAN for a rare class, judged by copies, by distance, and by what it is worth
#     part: III
#     needs: []
#     rows: ["0.17"]
#     lessons: []
#     accelerator: optional
#     minutes: {quick: 0.5, laptop: 21.4}
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
# # Generation
#
# **Question.** Can a network that paints a rare class help a classifier to find it?
#
# R0 closes with an idea for later: generative adversarial networks, because they could make more
# images and balance the classes. The idea has a catch. A generator knows nothing but the images it
# was trained on. If these are few, it may give them back as they are, and then it is a slow way to
# oversample. So this chapter trains one on a rare class and asks three questions, in this order:
# Are its images copies? Are they like real ones? And does a classifier that also trains on them do
# better on **real** lesions that nobody trained on, better also than one that trains on as many
# plain or augmented copies?
#
# ## What you will be able to do
#
# - train a generator and a discriminator with Keras's own training step, on any backend;
# - read their losses, which do not fall, and a score that tells when the discriminator memorises;
# - measure copying, with a control that shows what copying would look like;
# - compute a Fréchet distance, and say how much of it is only the small number of images;
# - test the use of synthetic data so that it *can* fail: against equal numbers of plain copies.
#
# ## What it needs
#
# No other chapter. An accelerator helps and is not required. In the `quick` edition a narrow pair
# of networks trains for seconds on a **phantom**, and vectors are plain pixels; `laptop` trains on
# one class of HAM10000 at reduced size and takes vectors from a frozen MobileNetV2
# {cite}`sandler2018mobilenetv2`. Pictures are shown of the phantom only: neither photographs of
# patients nor what a network made of them are drawn in this book.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom and the bootstrap
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 1400  # how many pictures; 0 takes all of an imported collection
height: int = 32  # pixels, of all pictures; a multiple of 8
width: int = 48  # pixels, of all pictures; a multiple of 8
target: str = "bcc"  # the rare class that is generated
seeds: list[int] = [0, 1]  # of the splits; each has a generator of its own
steps: int = 150  # training steps of both networks
batch_size: int = 16  # real images a step
learning_rate: float = 0.001  # of Adam, for both networks
channels: int = 8  # width of both networks, a multiple of 8
latent: int = 32  # random numbers that an image is made from
average: float = 0.95  # weight of the past in the running mean of the generator's weights
every: int = 25  # steps between two rows of the learning curves
extra: int = 120  # images that are added to the class, generated or copied
recipe: str = "r3-mirror"  # how copies are augmented (chapter Augmentation)
backbone: str = "pixels"  # what makes the vectors: pixels, or a frozen network like mobilenetv2
weights: str = "imagenet"  # of that network: imagenet or random
look_height: int = 96  # pixels, of pictures as that network sees them
look_width: int = 128  # pixels, of pictures as that network sees them
components: int = 8  # main components of the vectors, for distances
repeats: int = 20  # random halves behind each Fréchet distance

# %% [markdown]
# ## How few there are
#
# Every lesion is in one part only. A generator is fitted on the class's **train** part alone; the
# package refuses to go on if it has seen a lesion of another part. With several splits, more
# lesions are tested at least once, so each split needs a generator of its own.

# %%
from dermbook import plots
from dermbook.data import cached_images, load_collection
from dermbook.evaluation import generation as judge
from dermbook.evaluation.paired import seed_splits
from dermbook.publishing import generation, open_chapter, summaries
from dermbook.training.adversarial import Play

chapter = open_chapter("generation", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
splits = seed_splits(lesions, seeds)
chapter.uses(lesions, splits[seeds[0]])
pixels = cached_images(lesions, height=height, width=width)
chapter.parameter_table()

# %%
chapter.add_series("class-sizes", generation.class_sizes(target, lesions, splits))
chapter.table("class-sizes", caption="Images and lesions of the generated class, by split.")

# %% [markdown]
# ## Two networks, one step
#
# A **generator** turns random numbers into a picture. A **discriminator** scores how real a picture
# looks. The first is rewarded for high scores, the second for scoring real pictures high and
# generated ones low {cite}`goodfellow2014gan`. The layers are those of DCGAN
# {cite}`radford2016dcgan`, small. Four changes keep so little data from ending in tears:
#
# - each layer of the discriminator is divided by its largest singular value, so that its score
#   cannot jump between similar pictures {cite}`miyato2018spectral`, under a hinge loss;
# - real *and* generated pictures are flipped, moved, brightened and darkened before they are
#   scored, so the discriminator meets each training picture in many forms, and the generator does
#   not learn to paint the changes {cite}`zhao2020diffaugment`;
# - pictures come from a running mean of the generator's weights;
# - the number of steps is fixed in advance. Nothing is chosen by looking at the test part.
#
# Keras trains one model with one loss, and a GAN has two. Here both losses are added up, and in the
# generator's part the discriminator's weights are constants. So each loss moves its own network
# only, and `train_on_batch` does the rest on TensorFlow and JAX alike.

# %%
play = Play(
    steps=steps, batch=batch_size, rate=learning_rate, width=channels, latent=latent,
    average=average, every=every,
)  # fmt: skip
with chapter.timing("generators"):
    cases = judge.make_cases(
        target, lesions, splits, pixels, play, extra=extra, augmentation=recipe,
        checkpoints=chapter.output / "checkpoints" / chapter.name,
    )  # fmt: skip
chapter.add_series("adversarial-curves", generation.curves(cases))

# %%
chapter.figure(
    "adversarial-curves",
    plots.adversarial_curves,
    caption="Above: both losses. Below: mean score that the discriminator gives to training, "
    "held-out and generated images. Thin lines are the splits, thick ones their mean.",
    alt="Losses of two networks by step, and three curves of scores.",
)

# %% [markdown]
# Neither loss must fall: when one player gets better, the other's task gets harder. The lower panel
# says more. Training and held-out images are both real; as long as the discriminator judges
# *pictures*, it scores them alike. When the first curve leaves the second, it has begun to
# recognise *these* images, and teaches the generator to copy them.
#
# ## A look
#
# Pictures of the phantom, each with the training image most like it:

# %%
generation.picture(chapter, cases[0], lesions, pixels)

# %% [markdown]
# ## Are they copies?
#
# For each generated image we take the distance to the nearest training image, and the same for
# **held-out** real images of the class (validation and test parts; nothing is chosen by them). If
# generated images are nearer, the generator gives back what it has seen. Training images count in
# all four mirrorings, for the generator was taught with flips. Two controls: training images
# against those of *other* lesions, which should look like the held-out ones, and augmented copies,
# which show what copying looks like. Distances are taken in pixels and in features.

# %%
with chapter.timing("vectors"):
    seen = judge.eyes(
        lesions, backbone, height=height, width=width, look_height=look_height,
        look_width=look_width, weights=weights,
    )  # fmt: skip
generation.add_likeness(chapter, cases[0], seen, lesions, pixels, components=components, seed=seed)

# %%
chapter.figure(
    "likeness",
    plots.likeness_curves,
    caption="Share of images at most so far from their nearest training image (first split).",
    alt="Rising curves of four sets of images in two panels: pixels and features.",
)

# %%
chapter.table(
    "likeness-summary",
    caption="Medians of the distance and of its ratio to the next lesion's; the share of pairs in "
    "which an image of the set is nearer than a held-out one (.5: as new), with 95 % interval; and "
    "the mean distance between two images of the set.",
    formats={
        "distance": ".3g", "ratio": ".2f", "nearer": ".2f", "low": ".2f", "high": ".2f",
        "variety": ".3g",
    },
)  # fmt: skip

# %% [markdown]
# Pixels deceive in one way: a blurred picture is near to everything, because the mean of many
# pictures has a small distance to each. The **ratio** sees through it. It divides the distance by
# that to the nearest training image of *another* lesion: near 1 for a blur and for a new picture,
# far below 1 for a copy. **Variety** unmasks the opposite failure, a generator that always paints
# the same picture.
#
# ## Are they like real ones?
#
# The Fréchet distance {cite}`heusel2017ttur` takes two sets of vectors for two normal clouds and
# compares means $\mu$ and covariances $C$:
#
# $$d^2 = \lVert \mu_1 - \mu_2 \rVert^2
# + \operatorname{tr}\left(C_1 + C_2 - 2 (C_1 C_2)^{1/2}\right).$$
#
# Published values use 2048 features and 50,000 images. We have a few dozen, so we reduce the
# vectors to their main components, fitted on the train part. Even so, the number is too large for
# small sets: here are two random draws of the *same* class, the commonest. The truth is zero
# throughout.

# %%
distance = {"components": components, "repeats": repeats, "seed": seed}
chapter.add_series("frechet-floor", generation.frechet_errors(cases[0], seen, lesions, **distance))
chapter.figure(
    "frechet-floor",
    plots.frechet_floor,
    caption="Fréchet distance between two disjoint random draws of one class, by their size: "
    "median and 95 % of the draws.",
    alt="A falling line on logarithmic axes; small draws seem far apart.",
)

# %% [markdown]
# So every distance below is of equally many images, and to be read against a floor: the lesions of
# the class are divided in two, again and again, and one half is compared with the other, with
# augmented copies of the other half, with generated images, with images of the other classes, and
# with what the generator painted before its first step. The generator has seen both halves, an
# advantage the real images of the other half do not have. And the floor is on the high side:
# photographs of one lesion are alike, so a half holds fewer *different* pictures than images, and
# a set of unrelated ones can come out below it.

# %%
chapter.add_series("frechet", generation.frechet_distances(cases, seen, lesions, **distance))
chapter.figure(
    "frechet",
    plots.set_distances,
    caption="Fréchet distance of several sets to half of the class's real training images: median "
    "and 95 % of splits and random halves. The dashed line is the floor.",
    alt="Dots with intervals on a logarithmic axis, and a dashed line at the floor.",
)

# %% [markdown]
# ## Are they of use?
#
# Now the question R0 asked. One classifier, a logistic head on the vectors, trains in five ways:
# with the train part as it is; with `extra` repetitions of the class's images; with `extra`
# augmented copies; with `extra` generated images; and with generated images *in place of* the real
# ones. Repetitions carry no news at all: what they change comes only from the class counting more.
# Whatever generated images are worth must show against those.
#
# One trap is closed first. Generated images are small, and a classifier that saw large photographs
# beside them could learn that *blurred means rare*. So all images, real and tested ones too, are
# shrunk to the generator's size before they become vectors.

# %%
with chapter.timing("classifiers"):
    arms = generation.compare(chapter, cases, seen, lesions, target)
chapter.add_series("arm-scores", judge.added_scores(arms, target, seed=seed))
chapter.add_series("effects", judge.added_differences(arms, target, seed=seed))

# %%
chapter.table(
    "arm-scores",
    caption="Test scores by what was added in training, all splits together, 95 % intervals.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f"},
)

# %%
chapter.figure(
    "effects",
    plots.added_effects,
    caption="What is gained and lost: three scores of the class, then two of all classes. "
    "Intervals resample lesions and splits, the same for both sides of a difference.",
    alt="Intervals of differences beside zero, a panel a score.",
)

# %% [markdown]
# Recall alone is easily bought: call more lesions by the rare name. That is why precision and F1
# stand beside it, and why the comparison that decides is with augmented copies, in F1.
#
# ## What we found
#
# The finding on row 0.17 follows a rule: *confirmed* if generated images gain F1 of the class
# against as many augmented copies, *not confirmed* if they lose, and undecided while the interval
# holds zero.

# %%
generation.add_findings(chapter, target)
chapter.summary(summaries.generation)

# %%
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# What this cannot say: a larger generator, one that learns all classes together and is told which
# one to paint, or one that was trained on other skin images first, may do better. A few dozen
# lesions also make a test that only sees large effects; read the width of the intervals before the
# verdict.
#
# ## Exercises
#
# 1. Set `steps` to 0.1 and to 10 times its value. What happens to the two scores of real images in
#    the lower panel of the learning curves, and to the share of pairs that are nearer?
# 2. A generator that returned a random training image each time: what would its Fréchet distance,
#    its ratio and its variety be?
# 3. Why would it be wrong to train one generator on the whole class, and split afterwards?
# 4. Two papers report Fréchet distances of 12 and 15, the first on 10,000 images and the second on
#    2,000. Which generator is better?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. `dermbook run generation -p steps=1500`. With few steps, both real curves lie together and the
#    pictures are blurs; the longer it trains, the further the curves part, and the nearer generated
#    images come to training images.
# 2. The distance would be at or below the floor, the variety that of the real images, and both
#    would look perfect. The ratio would be 0: only it, and the distance to the nearest training
#    image, tell.
# 3. Its images would carry what it learned from test lesions into training. The test would then
#    measure memory, and the more the generator copies, the better it would look.
# 4. That cannot be said. The error of small sets grows as the number falls, so the second may be
#    the better one. Compare at equal numbers.
# ```

# %%
chapter.close()
