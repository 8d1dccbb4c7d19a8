# ---
# jupyter:
#   dermbook:
#     chapter: input-pipelines
#     title: Input pipelines
#     question: Does the way images reach a network change what is learnt and what is measured?
#     description: Eight ways to feed images, raced; labels out of order; scalings swapped; channel statistics
#     part: I
#     needs: []
#     rows: ["0.6", "1.1", "3.4", "3.6"]
#     lessons: [M1, M4]
#     accelerator: optional
#     minutes: {quick: 1.2, laptop: 10.5}
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
# # Input pipelines
#
# **Question.** Does the way images reach a network change what is learnt and what is measured?
#
# An input pipeline turns files into batches: arrays of pixels, and beside them the labels. It is
# the dullest part of a project, and nobody tests it, because a network will train on anything. The
# five reports used four different ones. R1, R2 and R4 let Keras read folders, one a class. R0 gave
# that up and kept arrays in a column of its table. R3 wrote a PyTorch dataset. One of them lost its
# labels on the way and another test was fed pixels in another scale; neither program stopped.
#
# ## What you will be able to do
#
# - choose a pipeline by what it costs: time once, time each epoch, memory and disk;
# - check that two pipelines give the same images, in the same order, with the same labels;
# - say what a generator that shuffles does to a confusion matrix, and make it impossible;
# - recognise a test set that was scaled unlike the training set;
# - say which of two standard deviations a normalisation uses.
#
# ## What it needs
#
# No other chapter. The `quick` edition races the pipelines on phantom pictures; `laptop` uses
# HAM10000 and a VGG16 with ImageNet weights. PyTorch is no part of the book's environment: where it
# is installed, its loader joins the race.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split, the networks and the draws
seeds: list[int] = [0, 1, 2, 3, 4]  # of the shuffling generator, one run each
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 1000  # how many pictures; 0 takes all of an imported collection
race_images: int = 200  # how many of them the race reads; 0 takes all
height: int = 48  # pixels, of the batches; phantom files are twice as high
width: int = 64  # pixels, of the batches; phantom files are twice as wide
batch_size: int = 32  # images a batch
repeats: int = 1  # how often each pipeline is opened and timed
epochs: int = 8  # passes of the small network over the training part
scalings: list[str] = ["unit", "torch", "caffe"]  # pixel scalings to swap
backbones: list[str] = ["own"]  # whose features are swapped: own (the small network), vgg16, …
weights: str = "imagenet"  # of a published backbone
head_epochs: int = 16  # passes of a head over its features (R4: 16)
swap_images: int = 0  # images a published backbone sees; 0 takes all
swap_height: int = 112  # pixels, of the images a published backbone sees
swap_width: int = 112  # pixels, of the images a published backbone sees
sides: list[int] = [12, 24, 48, 96]  # of squares, pixels, for channel statistics (R3: 224)
statistics_images: int = 0  # images for channel statistics; 0 takes all
malignant: list[str] = ["mel", "bcc", "akiec"]  # classes in R1's folder malignant

# %% [markdown]
# ## Eight ways to a batch
#
# Keras' directory generator decodes each file whenever it is wanted, and so does its successor, by
# `tf.data`. R0 decoded once and kept arrays in a column, first written by a serializer of its own,
# which made the file too large, then pickled. The report does not show that serializer; numbers
# written as text are the plainest one that grows so. This book decodes once into one file of bytes
# and maps it into memory. `tf.data` can decode in parallel, and keep what it decoded. R3's dataset
# looks up a row of a table and decodes its file.
#
# Each pipeline reads the same files twice, in a process of its own, so that one's memory does not
# count for the next.

# %%
from dermbook import plots
from dermbook.data import cached_images, load_collection, load_split
from dermbook.data.pipelines import race
from dermbook.evaluation import classify
from dermbook.publishing import input_pipelines, open_chapter, summaries
from dermbook.training import balanced_class_weights

chapter = open_chapter("input-pipelines", globals())
lesions = load_collection(collection, images=images, height=2 * height, width=2 * width, seed=seed)
split = load_split(lesions, seed=seed)
chapter.uses(lesions, split)
chapter.parameter_table()

# %%
size = {"height": height, "width": width, "batch_size": batch_size}
raced = race(lesions, images=race_images, repeats=repeats, **size)
chapter.add_series("race", raced)
chapter.figure(
    "race",
    plots.pipeline_speed,
    caption="Images a second in the first epoch after opening and in the second one.",
    alt="Dots of images per second for each pipeline on a log scale, two epochs each.",
)

# %% [markdown]
# Speed is one column of the bill. *Prepare* is paid once, *start* each time a program begins;
# *ten epochs* adds up what a training of ten epochs waits for images. Memory is what the process
# holds at most, beside what it held before the pipeline was opened (TensorFlow and PyTorch alone
# take their share). Whether speed matters depends on the network: one that trains on fifty images a
# second never notices.

# %%
chapter.add_series("costs", input_pipelines.costs(raced))
chapter.table(
    "costs",
    caption="What each pipeline costs, for the images of the race.",
    formats={"prepare, s": ".2f", "start, s": ".2f", "ten epochs, s": ".2f"}
    | {"before, MB": ".0f", "at most, MB": ".0f", "disk, MB": ".1f"},
)

# %% [markdown]
# ## The same images?
#
# Several pipelines, one set of files: do they agree? The reference is the book's own decoding and
# averaging. Keras' generator takes the *nearest* pixel when it shrinks an image and drops the
# others; `tf.data` readers and Pillow average or interpolate each in their way. A network trained
# by one pipeline and tested by another sees that difference. Order and labels are worse: they
# differ without any picture looking wrong.

# %%
chapter.add_series("sameness", input_pipelines.sameness(raced))
chapter.table(
    "sameness",
    caption="Whether a pipeline gives every image once, in the table's order, with the table's "
    "integer labels; and how far its pixels are from the reference, in grey levels of 255.",
    formats={"largest difference": ".0f", "mean difference": ".2f", "labels right": ".1%"},
)

# %% [markdown]
# ## Folders count by the alphabet
#
# A folder reader numbers the classes by the names of the folders. The collection has an order of
# its own, that of the ISIC challenge, and so had the table that R3 read. Where the two meet, class
# 0 is melanoma on one side and actinic keratosis on the other. R0 feared exactly this when it left
# the reader. The cure is to name the classes: `flow_from_directory(..., classes=[...])`.

# %%
chapter.add_series("label-codes", input_pipelines.label_codes(lesions))
chapter.table(
    "label-codes",
    caption="The number of each class in the collection and by folder name, and the class that the "
    "folder's number means in the collection.",
)

# %% [markdown]
# R1 needed two folders only, malignant and benign, and rounded what it put into them. With two
# classes named so, alphabet and intention agree by luck: benign is 0, malignant is 1.

# %%
chapter.add_series("two-folders", input_pipelines.two_folders(lesions, malignant))
chapter.table("two-folders", caption="R1's two folders: images here, and as the report says.")

# %% [markdown]
# ## A generator that shuffles
#
# R4 trained a network that `evaluate` called 87 % accurate, and printed a confusion matrix in which
# the same network is no better than chance (lesson M1). Two lines did it: `predict(generator)`,
# and beside its answers `generator.classes`. The first walks through the generator, which shuffles
# by default. The second is the order of the folders.
#
# Here is the experiment. One small network is trained once, then judged on one test part by a real
# Keras generator: with its order kept; shuffled, once for each of several seeds; and shuffled with
# each batch's image ids kept, from which the predictions are joined with the truth.

# %%
pixels = cached_images(lesions, height=height, width=width)
small = classify(
    "one-conv", lesions, split, pixels, parts=("test",), batch_size=batch_size, seed=seed,
    epochs=epochs, learning_rate=0.002, options={"filters": 16, "pool": 6, "dropout": 0.2},
    class_weight=balanced_class_weights(lesions.codes(split.parts["train"]), lesions.classes),
)  # fmt: skip
chapter.add_trial(small)
runs, matrices = input_pipelines.orders(small.model, lesions, split, seeds=seeds, **size)

# %%
chapter.add_series("orders", runs)
chapter.figure(
    "orders",
    plots.kappa_by_way,
    caption="Cohen's kappa of one model on one test part, in four ways of comparing its "
    "predictions with labels; one dot a seed.",
    alt="Dots of kappa: above chance with order kept and joined by id, around zero when shuffled.",
)

# %%
chapter.add_series("matrices", matrices)
chapter.figure(
    "matrices",
    plots.confusion_pair,
    caption="The same model and images: the generator's order kept, and shuffled.",
    alt="Two confusion matrices; shuffled, every row looks like every other row.",
)

# %% [markdown]
# The right-hand matrix has rows that all look alike: whatever the truth, the answers are the same
# mixture. That is the mark of labels that lost their images. `evaluate` never noticed, for it takes
# images and labels from the same batch. In this book a score is computed from `Predictions` alone,
# and those are built from image ids; a shuffled generator then changes nothing at all.

# %% [markdown]
# ## Pixels in another scale
#
# Published networks expect pixels scaled in one of several ways: 0 to 1; minus one to one; `torch`,
# less a mean and divided by a deviation; `caffe`, in the order blue-green-red, less a mean and not
# divided. R4's VGG16 had a validation loss of 1.16 and a test loss of 156.6 (lesson M4). The code
# of its test generator is for another network than VGG16, so we infer that the test images were
# scaled unlike the others. Could that alone make such a loss?
#
# Below, frozen features are computed under each scaling: those of the small network's last hidden
# layer, which was trained on pixels from 0 to 1, and, where `backbones` names one, those of a
# published network. On each set of features a head is trained as R4 did, and every head is tested
# on every set.

# %%
swapped = input_pipelines.swap_table(
    lesions, split, pixels, small.model, backbones=backbones, scalings=scalings, weights=weights,
    images=swap_images, height=swap_height, width=swap_width, epochs=head_epochs, seed=seed,
)  # fmt: skip
chapter.add_series("swap", swapped)
chapter.figure(
    "swap",
    plots.swap_heatmap,
    caption="Heads trained on features under one scaling (rows) and tested under another "
    "(columns). The diagonal is right; the shade of the loss is logarithmic.",
    alt="Two matrices by scaling; off the diagonal the loss grows, by decades at worst.",
)

# %%
chapter.table(
    "swap",
    caption="Every pair: scores, loss, and how alike the two feature vectors of an image are.",
    formats={"balanced_accuracy": ".3f", "accuracy": ".3f", "loss": ".2f", "cosine": ".2f"},
)

# %% [markdown]
# Look at the accuracy of the worst pairs. It may stay respectable where one class makes up most of
# the images, so accuracy alone does not raise the alarm; the loss does. The safest scaling is one
# that cannot be forgotten: inside the model, as a layer.

# %% [markdown]
# ## Two standard deviations
#
# R3 normalised by the mean and the standard deviation of its training images, and printed them. The
# mean is the mean. But a standard deviation of images may be that of all pixels pooled, or the mean
# of each image's own, and libraries and tutorials use both. The first also counts how images differ
# from each other, so it is larger.
#
# R3's training part was drawn at random, 80 % of the images of each class, and cannot be drawn
# again. But drawing a thousand others says in which range its numbers must fall. The image size
# matters too: shrinking averages neighbours and takes contrast away.

# %%
chapter.add_series(
    "normalisation",
    input_pipelines.normalisation(lesions, sides, images=statistics_images, seed=seed),
)
chapter.figure(
    "normalisation",
    plots.statistics_by_side,
    caption="Channel means and standard deviations by image size, pixels from 0 to 1. Bands: 95 % "
    "of random training parts. Dashes: what R3 printed, in both deviation panels.",
    alt="Three panels of channel statistics against image side with dashed lines for the report.",
)

# %%
chapter.table(
    "normalisation",
    caption="The same in numbers.",
    formats=dict.fromkeys(("value", "low", "high", "reported"), ".4f"),
)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.input_pipelines)

# %%
input_pipelines.add_findings(chapter)
chapter.findings_table()

# %% [markdown]
# ## Exercises
#
# 1. Read every image through the generator and through the memory map. Which network, one with
#    small or one with large convolutions, should mind the difference more?
# 2. A colleague's model reaches 94 % in `evaluate` and 14 % in her confusion matrix, with seven
#    equally frequent classes. Name two causes, and one check that tells them apart.
# 3. Which scaling would you put on images whose network you know nothing about?
# 4. Why is the pooled standard deviation never smaller than the root mean square of the images'
#    own?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Nearest-pixel reading keeps single pixels and drops their neighbours, so it adds fine noise.
#    Small first convolutions look at exactly that scale.
# 2. Labels shuffled against predictions, or classes numbered in another order. Shuffled, every row
#    of the matrix has the same mixture and kappa is near 0. Numbered otherwise, each row still has
#    one large cell, off the diagonal, and permuting the columns restores the accuracy.
# 3. None by guessing. Compute the loss on a few labelled images under each: the right scaling has
#    by far the least.
# 4. Variances add: the pooled variance is the mean of the images' variances plus the variance of
#    their means, which is never negative.
# ```

# %%
chapter.close()
