# ---
# jupyter:
#   dermbook:
#     chapter: transfer-learning
#     title: Transfer learning
#     question: How far does a small head get on a network that was trained on photographs of other things?
#     description: Frozen ImageNet backbones, each report’s head, bilinear pooling, and what reuse saves
#     part: III
#     needs: []
#     rows: ["0.8", "0.11", "1.7", "1.8", "2.4", "4.7", "4.8", "4.11"]
#     lessons: []
#     accelerator: optional
#     minutes: {quick: 0.8, laptop: 28.0}
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
# # Transfer learning
#
# **Question.** How far does a small head get on a network that was trained on photographs of other
# things?
#
# Four of the five reports gave up on networks of their own and took a published one, trained on the
# million photographs of ImageNet {cite}`deng2009imagenet`: VGG16 and VGG19
# {cite}`simonyan2015vgg`, ResNet50 {cite}`he2016resnet` and its second version
# {cite}`he2016identity`, InceptionV3 {cite}`szegedy2016inception`, MobileNetV2
# {cite}`sandler2018mobilenetv2`, EfficientNet {cite}`tan2019efficientnet`. They cut off its last
# layer, put a small *head* in its place, and trained the head while the network, the *backbone*,
# stayed frozen. It works because early layers see edges and colours, which lesions have too
# {cite}`yosinski2014transferable`. Which backbone, which head? The reports cannot say, for each
# tried its own on its own split. Here all of them meet one split, one validation part that chooses,
# and one test.
#
# ## What you will be able to do
#
# - compute a frozen network's features once, and train any number of heads on them in seconds;
# - compare backbones and heads fairly, the choice made before the test is looked at;
# - find out what "the last two layers" of a network are, before you unfreeze them;
# - combine two networks by bilinear pooling;
# - say what weights a backbone really has, and which network only stands in for another.
#
# ## What it needs
#
# No other chapter; *CNNs from scratch* is what the scores here should beat. The `quick` edition
# uses phantom images and **random** weights: it shows that the walk works and says nothing about
# transfer. The `laptop` edition uses HAM10000 {cite}`tschandl2018ham10000` and needs ImageNet
# weights: `DERMBOOK_WEIGHTS` may name a folder of them; without it Keras downloads its own.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split, and weights that are random
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 420  # how many pictures; 0 takes all of an imported collection
height: int = 32  # pixels, of phantom pictures as they are made
width: int = 40  # pixels, of phantom pictures as they are made
backbones: list[str] = ["mobilenetv2@32x40", "vgg16@32x40"]  # NAME@HEIGHTxWIDTH in pixels
weights: str = "random"  # of the backbones: imagenet, imagenet-or-random or random
download: bool = False  # fetch ImageNet weights that the folder DERMBOOK_WEIGHTS lacks
together: list[str] = ["vgg16+mobilenetv2"]  # backbones whose features are put side by side
pair: list[str] = ["mobilenetv2", "vgg16"]  # two backbones of one image size, pooled bilinearly
channels: int = 16  # of each of the two after projection; the vectors have channels² numbers
recipes: list[str] = []  # heads to train, each on its report's backbone; [] takes all
common: str = "r0"  # a head that every backbone gets, so that backbones can be compared
weightings: list[str] = ["none", "balanced"]  # of the classes in the loss
seeds: list[int] = [0]  # of the heads' first weights and the order of the images
epochs: int = 50  # at most; each recipe has its own limit besides
malignant: list[str] = ["mel", "bcc", "akiec"]  # classes that count as malignant (R1's task)
unfrozen: list[str] = ["vgg19", "mobilenetv2"]  # networks whose last two layers are looked at
cost_images: int = 128  # training images of the comparison of costs
cost_size: list[int] = [32, 40]  # height and width in pixels of the comparison of costs

# %% [markdown]
# ## Features, computed once
#
# A frozen backbone gives the same vector for an image in every epoch, under every head and for
# every seed. So each backbone looks at every image once; the vectors are kept on disk, and from
# then on there are no images, only a table of numbers.
#
# Weights are not all alike. The table says what each file is: some are Keras's own, others carry
# the same network's name and were trained or rescaled elsewhere, and a backbone without weights at
# hand is left out, not replaced by random ones.

# %%
from dermbook import plots
from dermbook.data import audit, load_collection, load_split
from dermbook.evaluation.frozen_cost import cost_tables
from dermbook.evaluation.transfer import logistic_heads, seed_spread, train_heads
from dermbook.publishing import open_chapter, summaries
from dermbook.publishing import transfer_learning as transfer

chapter = open_chapter("transfer-learning", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
split = load_split(lesions, seed=seed)
chapter.uses(lesions, split)
chapter.parameter_table()

# %%
with chapter.timing("features"):
    shelf = transfer.open_shelf(
        lesions, backbones, pair=pair, channels=channels, together=together,
        weights=weights, download=download, seed=seed,
    )  # fmt: skip
chapter.add_series("backbones", shelf.about)
chapter.table(
    "backbones",
    caption="The backbones: the size of the images they see, their features, their weights.",
)

# %%
chapter.add_series("audit", audit(split, lesions))
chapter.table("audit", caption="What each pair of parts shares. Zeros are what a test needs.")

# %% [markdown]
# ## Which head on which network
#
# What the reports did, and what we do. R4 froze everything. R0 unfroze two layers, R1 everything;
# here their heads meet a frozen backbone, and the chapter *Fine-tuning* unfreezes. Where the
# weights of ResNet50V2 are not at hand, ResNet50 stands in, under its own name.

# %%
chapter.add_series("pairs", transfer.pair_table(shelf))
chapter.table("pairs", caption="Each report's backbone and head, and what stands in for it here.")

# %% [markdown]
# R4 prints its model's size. If our VGG16 with a softmax is the same network, the numbers are the
# same to the last digit.

# %%
transfer.add_r4_counts(chapter, lesions)
chapter.add_series("r4-counts", transfer.count_table())
chapter.table("r4-counts", caption="Parameters of R4's VGG16: as printed, and counted.")

# %% [markdown]
# ## What "the last two layers" are
#
# R0 unfroze the last two layers of each network. A layer, as Keras counts, may be an activation or
# a pooling, which has no weights at all. And a batch normalisation {cite}`ioffe2015batchnorm` of a
# pretrained network should keep its statistics, or small batches spoil them; then it does not
# learn either. *Learning* counts the weights that train when it keeps them.

# %%
chapter.add_series("last-layers", transfer.last_layers(unfrozen))
chapter.table(
    "last-layers",
    caption="The last two layers of each backbone, their weights, and how many of them learn.",
)

# %% [markdown]
# ## The heads
#
# Adam {cite}`kingma2015adam` at 0.001 and cross-entropy throughout; how long, and what stops it, is
# each report's own. Every head is trained with equal weights and with balanced class weights, as
# R4 did. R1's heads answer *malignant or benign*.

# %%
jobs = transfer.jobs(shelf, recipes, common=common)
with chapter.timing("heads"):
    heads = train_heads(
        jobs, shelf.vectors, lesions, split, weightings=weightings, seeds=seeds, epochs=epochs,
        malignant=malignant, checkpoints=chapter.output / "checkpoints" / chapter.name,
    )  # fmt: skip

# %% [markdown]
# Beside them stands the classical head: logistic regression with balanced weights, on vectors that
# were standardised first, with a fixed penalty. It has one optimum, so it needs no seed, no
# stopping rule and no learning rate. It also gets several backbones' features side by side.

# %%
with chapter.timing("logistic heads"):
    heads += logistic_heads(shelf.vectors, lesions, split)
transfer.add_heads(chapter, heads)

# %%
chapter.add_series("learning-curves", transfer.curves(heads))
chapter.figure(
    "learning-curves",
    plots.head_curves,
    caption="Validation accuracy by epoch. The diamond marks the epoch whose weights were kept: "
    "the best by what the recipe watches, which may be the loss.",
    alt="A panel a backbone with a line a head; heads with class weights start lower.",
)

# %% [markdown]
# ## Bilinear pooling
#
# R4 proposes, as future work, a *bilinear* network of ResNet50 and VGG16. Lin and others
# {cite}`lin2015bilinear` multiply, at every place of the image, each channel of one network with
# each channel of the other, and average the products over the places: which pairs of features
# occur *together*. Then signed square root and unit length. Two thousand by five hundred channels
# would be a million numbers, so both sides are first projected at random to `channels` each, which
# keeps inner products up to chance {cite}`achlioptas2003projections`. Both networks' plain
# features come out of the same pass.
#
# ## Which one is best?
#
# The order is that of the **validation** part, which also chooses the one to name. The test part
# chooses nothing: with so many heads, the best on the test would be partly luck. Intervals are 95 %
# bootstrap over lesions.

# %%
validation = transfer.head_scores(chapter, heads, "validation")
chapter.add_series("scores", transfer.head_scores(chapter, heads, "test"))
chapter.add_series("ranking", transfer.ranking(chapter.series("scores"), validation))
chapter.add_series("pair", transfer.pair_name(shelf))
chapter.figure(
    "ranking",
    plots.head_ranking,
    caption="Seven-class heads by balanced accuracy on validation, and their test scores.",
    alt="A row a head: a hollow diamond for validation, a dot with an interval for the test.",
)

# %%
chapter.table(
    "ranking",
    caption="The same in numbers, with the accuracy on the test part.",
    formats=dict.fromkeys(["validation", "test", "low", "high", "accuracy"], ".3f"),
    filterable=True,
    folded=True,
)

# %%
chapter.add_series("seeds", seed_spread(heads))
chapter.figure(
    "seeds",
    plots.seed_ranges,
    caption="Test scores of equal trainings with different seeds (one dot where there is one).",
    alt="A bar a head from the worst to the best seed.",
)

# %% [markdown]
# R1's heads answer another question and stand apart.

# %%
chapter.add_series("binary", transfer.binary_scores(chapter.series("scores")))
chapter.table(
    "binary",
    caption="Malignant or benign: test scores of R1's heads on frozen backbones.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f"},
)

# %% [markdown]
# ## What reuse saves
#
# The reports ran the frozen backbone over every image again in every epoch. We do both with the
# same head, first weights, images and order, in one run. The whole network is trained for two
# epochs, of which the second is timed, and the rest is extrapolated to the 16 epochs that R4's
# VGG16 took; the head on vectors runs all of them. After two epochs the two must give the same
# probabilities, up to rounding.

# %%
cost, same = cost_tables(
    lesions, split.parts["train"][:cost_images], height=cost_size[0], width=cost_size[1],
    weights=shelf.weights_of("vgg16", weights), seed=seed,
)  # fmt: skip
chapter.add_series("cost", cost)
chapter.add_series("cost-same", same)
chapter.figure(
    "cost",
    plots.frozen_cost,
    caption="Seconds of the same training with the backbone in every epoch, and with features "
    "made once.",
    alt="Two rising lines; features made once start with their cost and then stay nearly flat.",
)

# %% [markdown]
# ## What we found

# %%
chapter.add_series("choice", transfer.validation_choice(heads))
transfer.answer_claims(chapter, heads, shelf)
transfer.add_findings(chapter, heads, shelf)
chapter.summary(summaries.transfer_learning)

# %%
chapter.findings_table()

# %% [markdown]
# None of the reports' scores can stand beside ours as an equal: R0 had another task, and the tests
# of R1, R2 and R4 share lesions, or images, with their training. What can be compared is R4's
# parameter count, and that agrees.

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. Train only R2's head, with three seeds (`-p recipes='[r2-mobilenetv2]' -p seeds='[0, 1, 2]'`).
#    Is the difference between the best and the worst seed larger than the one between two
#    backbones?
# 2. Unfreezing the last two layers of MobileNetV2 trains nothing at all. How many of its layers
#    would you have to unfreeze to reach the last convolution?
# 3. Bilinear vectors have 4,096 numbers and came from 2,560. What could they know that the two
#    plain vectors, put side by side, do not?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Look at the figure of seeds beside the ranking. Where seeds differ as much as backbones do, the
#    order of the backbones is not shown by one training each.
# 2. Three: the network ends in a convolution, a batch normalisation and an activation.
# 3. Which features occur at the *same place*. Averaging over the image first, as plain pooling
#    does, forgets it: the mean of products is not the product of means.
# ```

# %%
chapter.close()
