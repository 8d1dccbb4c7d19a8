# ---
# jupyter:
#   dermbook:
#     chapter: residual-networks
#     title: Residual networks
#     question: What do skip connections buy, and is the deeper of two residual networks the better?
#     description: ResNet18 and ResNet50 from random weights with R3’s recipe, gradients, McNemar
#     part: III
#     needs: []
#     rows: ["0.8", "3.7", "3.8"]
#     lessons: []
#     accelerator: optional
#     minutes: {quick: 0.7, laptop: 15.0}
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
# # Residual networks
#
# **Question.** What do skip connections buy, and is the deeper of two residual networks the better?
#
# A network with more layers can compute all that one with fewer can: the additional layers only
# need to pass on what they get. Yet beyond some twenty layers, plain networks used to get *worse*,
# already in training. He and colleagues {cite}`he2016resnet` let every block compute a *correction*
# to its input, which is added back: passing on is then the easiest thing to learn. R3 took two such
# networks without pretrained weights, ResNet18 and ResNet50, and trained them on HAM10000. It found
# 88 and 85 % of its test images right, and concluded that the deep one is for rare classes and the
# shallow one for common ones. Its rarest class has eleven test images.
#
# ## What you will be able to do
#
# - build a ResNet layer for layer, and say why two libraries count its parameters differently;
# - measure how far a gradient reaches through a deep network, with skips and without;
# - follow R3's recipe, and name what it leaves open;
# - test whether two networks err differently on the same images.
#
# ## What it needs
#
# No other chapter; *Class imbalance* and *Augmentation* explain the two treatments that R3's recipe
# holds. The `quick` edition trains networks on the phantom that are narrow and have one block in
# each of two stages, so that only the kind of block tells them apart. `laptop` trains the published
# ones at half their width (`channels`) on HAM10000 at reduced size on two cores, for fewer epochs
# than R3; `gpu` trains them as they are.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split, the first weights, the copies and the order of images
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 500  # how many pictures; 0 takes all of an imported collection
height: int = 48  # pixels, of the images as the networks see them (R3: 224)
width: int = 64  # pixels, of the images as the networks see them (R3: 224)
channels: int = 64  # of the first stage; 64 is the published network, less is a narrow one
stem: str = "torchvision"  # the first layers: torchvision, or small for small images
blocks: list[int] = []  # blocks of each stage, for both networks; [] keeps the published ones
epochs: int = 10  # passes over the training part, at most (R3: 10)
deep_epochs: int = 10  # the same for ResNet50
patience: int = 10  # epochs without a better validation accuracy before training stops (R3: none)
batch_size: int = 32  # images a step (R3: 32)
learning_rate: float = 0.001  # of Adam (R3: 0.001)
plateau_patience: int = 2  # epochs without a better validation loss before the rate is × 0.1
resample: str = "equal"  # none; equal: as many images, classes equal; factors: R3's
augmentation: str = "r3"  # of all classes alike; none, or "r3 by class", which spares nv
gradient_networks: list[str] = ["resnet18", "resnet50"]  # whose gradients are measured, untrained
gradient_seeds: list[int] = [0, 1, 2]  # of their first weights and their batch

# %% [markdown]
# ## Built to the last weight
#
# R3 prints one number of each network, how many parameters it has. That is enough to see which
# network it was: torchvision's, with its last layer changed to seven outputs. Ours is built layer
# for layer after it. Keras gives a larger total, because it also counts the moving mean and
# variance of each batch normalisation {cite}`ioffe2015batchnorm`; no gradient changes these, and
# PyTorch does not call them parameters.

# %%
from dermbook import plots
from dermbook.data import cached_images, class_counts, load_collection, load_split
from dermbook.evaluation.residual import R3Recipe, gradient_depths, train_residual
from dermbook.publishing import open_chapter, residual_networks, summaries

chapter = open_chapter("residual-networks", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
split = load_split(lesions, seed=seed)
chapter.uses(lesions, split)
pixels = cached_images(lesions, height=height, width=width)
chapter.parameter_table()

# %%
chapter.add_series("parameters", residual_networks.parameter_counts())
residual_networks.answer_parameters(chapter, chapter.series("parameters"))
chapter.table(
    "parameters",
    of="reports",
    caption="Parameters of both networks at full size: as R3 prints them, and as ours has them.",
    formats=dict.fromkeys(("reported", "trainable", "moving", "keras_total"), ",d"),
)

# %% [markdown]
# ## What skips do to a gradient
#
# R3 explains skips by *vanishing gradients*: what the loss says has to travel back through every
# layer, and may arrive as next to nothing. That can be measured before any training. One batch of
# images passes a network with random weights, once with its skips and once without; then the
# gradient of each convolution is set in relation to its weights. One line on a logarithmic scale
# that is level means that all depths learn at a like pace.

# %%
build_options = {"width": channels, "stem": stem} | ({"blocks": blocks} if blocks else {})
depths = gradient_depths(
    gradient_networks, pixels, split, lesions,
    seeds=gradient_seeds, options=build_options,
)  # fmt: skip
chapter.add_series("gradients", depths)
chapter.figure(
    "gradients",
    plots.gradient_depths,
    caption="Gradient relative to the weights at every convolution before training; line: median "
    "of the seeds, band: their range.",
    alt="Lines over depth for two networks, with skips and without.",
)

# %%
chapter.add_series("gradient-summary", residual_networks.gradient_summary(depths))
chapter.table(
    "gradient-summary",
    caption="The same in numbers: relative gradient of the first and of the last convolution.",
    formats={"first": ".3g", "last": ".3g", "ratio": ".3g"},
)

# %% [markdown]
# In the published networks every convolution is followed by a batch normalisation, which already
# keeps what goes *forward* at one size. He and colleagues say so themselves: with it, gradients do
# not vanish in their plain networks either, and the difficulty that skips remove is one of
# optimisation. Look at whether the lines without skips fall towards the image, as R3's explanation
# would have it, or rise.

# %% [markdown]
# ## R3's recipe
#
# Batches of 32, Adam {cite}`kingma2015adam` at .001, cross-entropy, ten epochs; the rate is divided
# by ten when the validation loss stops falling; the epoch of the best validation *accuracy* is
# kept. Pixels are standardised with the mean and deviation of the training images. Every class is
# repeated until all are about as frequent, and copies are flipped, turned and changed in colour.
#
# Three things we do otherwise. R3 does not say how long it waits before it lowers the rate;
# PyTorch's own default of ten epochs would never act in ten epochs, so `plateau_patience` is ours.
# R3 augmented all classes but `nv`, by inference in validation and test, too, which tells the class
# (*Augmentation*, lesson M11); we augment all classes alike, and only in training. And our split
# keeps lesions together.

# %%
chapter.add_series("parts", class_counts(split, lesions))
chapter.table("parts", caption="Images of each class in each part, before any is repeated.")

# %%
recipe = R3Recipe(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    plateau_patience=plateau_patience,
    patience=patience,
    resample=resample,
    augmentation=augmentation,
    options=build_options,
    checkpoints=chapter.output / "checkpoints" / chapter.name,
)
resnet18 = train_residual("resnet18", lesions, split, pixels, recipe, seed=seed)
chapter.add_trial(resnet18)

# %% [markdown]
# ResNet50 has blocks of three convolutions, of which two are 1×1: they narrow the maps before the
# expensive 3×3 convolution and widen them after it. It is deeper than ResNet18, and has only twice
# its weights.

# %%
resnet50 = train_residual("resnet50", lesions, split, pixels, recipe, seed=seed, epochs=deep_epochs)
chapter.add_trial(resnet50)

# %% [markdown]
# ## Learning curves
#
# R3's validation accuracy was *above* its training accuracy by 19 points for ResNet18. Augmented,
# balanced training images are harder than plain ones in their natural mixture, so some of that is
# no riddle; a test that was treated by class is another part of it. Ours is not treated.

# %%
chapter.add_learning_curves([resnet18, resnet50])
chapter.figure(
    "learning-curves",
    plots.learning_curves,
    best="val_accuracy",
    caption="Loss and accuracy on training images (repeated and augmented) and on validation "
    "images (as they are).",
    alt="Learning curves of ResNet18 and ResNet50, the epoch of best validation accuracy marked.",
)

# %% [markdown]
# ## Scores on the test part

# %%
chapter.add_series("scores", chapter.scores("test", overall=True))
chapter.figure(
    "scores",
    plots.metric_intervals,
    metrics=["balanced_accuracy", "accuracy", "f1_macro", "precision_macro", "recall_macro"],
    caption="Test scores of both networks with 95 % intervals, resampled by lesion.",
    alt="Dots with intervals for five scores of ResNet18 and ResNet50.",
)

# %% [markdown]
# ## Class by class, beside R3
#
# R3 gives precision, recall and F1 of each class, and how many images of it were right. From the
# latter follow intervals (Wilson {cite}`wilson1927`) that it does not give. Look at their width for
# `df` and `vasc` before you believe that one network is better at them.

# %%
tests = [resnet18.predictions["test"], resnet50.predictions["test"]]
beside = residual_networks.beside_r3(tests, chapter.scores("test", overall=False))
chapter.add_series("beside-r3", beside)
chapter.add_series("recalls", residual_networks.recalls(beside))
chapter.figure(
    "recalls",
    plots.recall_intervals,
    of="both",
    caption="Recall of each class: R3's two networks on its test part, and ours on ours.",
    alt="Four intervals a class; those of the rare classes span half of the scale.",
)

# %%
chapter.table(
    "beside-r3",
    shape=residual_networks.class_table,
    of="both",
    caption="Precision, recall and F1 of each class, R3's and ours.",
    filterable=True,
)

# %% [markdown]
# ## Do the two networks err differently?
#
# Both networks saw the same test images, so they can be compared image by image. McNemar's test
# {cite}`mcnemar1947` looks only at the images that one of them gets right and the other wrong: if
# neither is better, these should fall to each like a fair coin. It takes images as independent,
# which two photographs of one lesion are not; the intervals below resample lesions.

# %%
chapter.add_series("paired", residual_networks.paired(*tests, seed=seed))
chapter.figure(
    "paired",
    plots.effect_intervals,
    caption="Balanced accuracy of ResNet50 minus that of ResNet18 on the same images.",
    alt="One interval of a difference beside zero.",
)

# %%
chapter.table(
    "paired",
    caption="The same for every score, with the images that only one of the networks gets right.",
    formats={"first": ".3f", "second": ".3f", "value": ".3f", "low": ".3f", "high": ".3f",
             "p_value": ".3g"},
)  # fmt: skip

# %% [markdown]
# ## What we found

# %%
reason = residual_networks.why_not_comparable(lesions, height=height, width=width, seed=seed)
residual_networks.answer_claims(chapter, [resnet18, resnet50], reason)
residual_networks.add_findings(chapter, [resnet18, resnet50], reason)
chapter.summary(summaries.residual_networks)

# %% [markdown]
# R3's scores are of other test images, of which many show lesions that it trained on, and probably
# of images whose preparation told their class. So none of its figures but the parameters can be
# confirmed or refuted here.

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. R3 says that ResNet50 has "50 convolution layers". Count them. What are the fifty?
# 2. Set `augmentation` to `"r3 by class"`. The test stays plain. Does `nv` gain?
# 3. Set `stem` to `"small"`. The network keeps four times as many pixels a side. What does it cost?
# 4. R3 suggests to take ResNet18 for large classes and ResNet50 for small ones. Why can that rule
#    not be judged on the test images it was read from?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. One convolution in the stem, three in each of sixteen blocks, and the last dense layer: fifty
#    layers with weights. The four 1×1 convolutions of the shortcuts are not counted; with them and
#    without the dense layer there are 53 convolutions.
# 2. `dermbook run residual-networks -p augmentation="r3 by class"`. In training, black corners and
#    shifted colours now say *not nv*, and no test image has them, so expect more images to be
#    called `nv`. R3's own test may have had them.
# 3. Sixteen times the positions in every stage, and about as much more time. It is the usual stem
#    for images of 32 pixels.
# 4. A rule chosen on the test fits its accidents (lesson M8). Choose it on the validation part and
#    measure it on the test part, once; *Ensembles* does so.
# ```

# %%
chapter.close()
