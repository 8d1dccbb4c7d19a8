# ---
# jupyter:
#   dermbook:
#     chapter: cnn-from-scratch
#     title: CNNs from scratch
#     question: How far does a small convolutional network get on skin lesions without any pretraining?
#     description: The networks of R1, R2 and R0, R0’s two variants and AlexNet, with intervals
#     part: III
#     needs: []
#     rows: ["0.8", "0.9", "0.10", "0.16", "0.17", "1.3", "2.2"]
#     lessons: []
#     accelerator: optional
#     minutes: {quick: 1.8, laptop: 24.2}
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
# # CNNs from scratch
#
# **Question.** How far does a small convolutional network get on skin lesions without any
# pretraining?
#
# Three of the five reports began with a network of their own. R1 built the smallest thing that can
# be called convolutional, one convolution and a classifier, as a baseline for *malignant or
# benign*. R2 stacked three convolutions for the seven classes. R0 stacked seven, twenty-two layers
# in all, for 114 conditions, and tried average pooling and LeakyReLU in it. R1 and R2 found the
# results poor and moved on to pretrained networks; R0 found its variants no better. None says how
# sure one can be of it: no intervals, and test images that share lesions with the training images.
# Here all of them are trained again, on a split that keeps every lesion on one side, and beside
# them AlexNet, which R0 would have tried next.
#
# ## What you will be able to do
#
# - train a CNN on a cached image collection, with the best epoch chosen on a validation part;
# - read a learning curve: when a model memorises, and when to stop it;
# - report a score with an interval that respects that images come in lesions;
# - say why a model can be 70 % accurate and still be of no use;
# - count the parameters of a network by hand, and say where they are;
# - compare two variants on the same images, and say what "no better" would have to mean.
#
# ## What it needs
#
# No other chapter, though *Exploration* says what is in the images. An accelerator helps and is not
# required. The `quick` edition trains narrow networks on the phantom in about a minute;
# `laptop` trains on all of HAM10000 at reduced size on two cores.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split, the initial weights and the order of the images
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 1000  # how many pictures; 0 takes all of an imported collection
height: int = 48  # pixels, of the images as the networks see them
width: int = 64  # pixels, of the images as the networks see them
epochs: int = 8  # passes over the training part, at most
patience: int = 3  # epochs without a better validation loss before training stops (R2: 8)
batch_size: int = 32  # images a step (R2: 32)
learning_rate: float = 0.001  # of Adam; 0.001 is Keras's default
r0_filters: list[int] = [32, 64, 128, 256, 512, 1024, 2048]  # of R0's convolutions
r0_convolutions: int = 5  # how many of them; each halves the image (R0: 7, on 290×192)
r0_epochs: int = 8  # passes over the training part, at most, for R0's networks and AlexNet
r0_patience: int = 2  # epochs without a better validation loss (R0: 2)
alexnet_filters: list[int] = [96, 256, 384, 384, 256]  # of AlexNet's convolutions
alexnet_dense: list[int] = [1024, 1024]  # units of its two dense layers (published: 4096 each)
alexnet_stride: int = 2  # pixels, of its first convolution (published: 4, on 227×227)
alexnet_rate: float = 0.0001  # learning rate of Adam for it; .001 leaves it naming naevi only
variant_seeds: list[int] = []  # further seeds for R0's network and its variants
malignant: list[str] = ["mel", "bcc", "akiec"]  # classes that count as malignant (R1's task)
unlabelled: str = ""  # a collection without answers to predict, e.g. isic2018-test

# %% [markdown]
# ## Images, decoded once
#
# A network looks at every image once an epoch, and the picture is the same each time: decoding it
# again is work done in vain. So the images are decoded and shrunk once, into a memory-mapped array
# of bytes; each epoch only copies from it. The networks divide by 255 themselves, so nobody can
# forget to.

# %%
from dermbook import plots
from dermbook.data import (
    audit,
    cached_images,
    class_counts,
    load_collection,
    load_split,
    malignant_or_benign,
)
from dermbook.evaluation import best_on_validation, classify, predict_unlabelled
from dermbook.evaluation.waiting import patience_table
from dermbook.publishing import cnn_from_scratch, open_chapter, summaries
from dermbook.publishing.decisions import prevalence_differs
from dermbook.training import EarlyStopping, balanced_class_weights

chapter = open_chapter("cnn-from-scratch", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
split = load_split(lesions, seed=seed)
chapter.uses(lesions, split)
pixels = cached_images(lesions, height=height, width=width)
chapter.parameter_table()

# %% [markdown]
# ## A split that keeps lesions together
#
# About 70 % of the lesions train, 15 % choose the best epoch, 15 % are tested once at the end.
# The audit compares the parts with each other: shared images, shared lesions, and files that are
# identical byte for byte. A clean split has zeros throughout.

# %%
chapter.add_series("audit", audit(split, lesions))
chapter.table("audit", caption="What each pair of parts shares. Zeros are what a test needs.")

# %%
chapter.add_series("parts", class_counts(split, lesions))
chapter.table("parts", caption="Images of each class in each part.")

# %% [markdown]
# ## One way to train
#
# Adam {cite}`kingma2015adam`, cross-entropy, at most `epochs` passes. After each epoch the
# validation loss decides: training stops when it has not improved for `patience` epochs, and the
# weights of the *best* epoch are the ones that are tested. A killed run goes on from its last
# finished epoch.

# %%
recipe = {
    "batch_size": batch_size,
    "seed": seed,
    "epochs": epochs,
    "learning_rate": learning_rate,
    "early_stopping": EarlyStopping("val_loss", patience=patience, mode="min"),
    "checkpoints": chapter.output / "checkpoints" / chapter.name,
}

# %% [markdown]
# ## R1's baseline: one convolution
#
# One convolution, one pooling, one dense layer. R1 used it for two classes; we train it for both
# tasks, so that it can stand beside R2's network.

# %%
one_conv = classify("one-conv", lesions, split, pixels, **recipe)
chapter.add_trial(one_conv)

# %% [markdown]
# ## R2's network: three convolutions
#
# 32, 64 and 128 filters, each followed by pooling and dropout, then a dense layer with batch
# normalisation. R2 trained it for at most 30 epochs with a patience of 8.

# %%
r2_cnn = classify("r2-cnn", lesions, split, pixels, **recipe)
chapter.add_trial(r2_cnn)

# %% [markdown]
# ## R0's network: twenty-two layers
#
# R0 prints the code of its network, so it can be built to the last weight: seven convolutions of 32
# to 2048 filters, each followed by a pooling, five dropouts, one flatten and two dense layers. It
# does not print how many parameters that makes. Seven poolings halve R0's 290×192 pixels to 2×1.
# Most weights lie in the last convolution, between 1024 and 2048 maps.

# %%
chapter.add_series("full-size", cnn_from_scratch.full_size(chapter))
chapter.table(
    "full-size",
    of="reports",
    caption="R0's network at R0's size, 290×192 pixels and 114 conditions, layer by layer.",
    formats={"parameters": ",d"},
)

# %% [markdown]
# Seven halvings need 128 pixels. On smaller images only the first `r0_convolutions` are built; the
# package says so when an image is too small, and names the least size. R0 stopped as soon as the
# validation loss had not improved for two epochs (row 0.8).

# %%
r0_recipe = recipe | {
    "epochs": r0_epochs,
    "early_stopping": EarlyStopping("val_loss", patience=r0_patience, mode="min"),
}
r0_options = {"filters": r0_filters, "convolutions": r0_convolutions}
r0_cnn = classify("r0-cnn", lesions, split, pixels, options=r0_options, **r0_recipe)
chapter.add_trial(r0_cnn)

# %% [markdown]
# Its two variants. A pooling keeps one number of four: the largest, or their *average*. An
# activation cuts off what is below zero: *ReLU* wholly, *LeakyReLU* leaves a share of .3, so that a
# unit that has fallen silent can recover. All three start from the same seed and see the images in
# the same order.

# %%
r0_average = classify(
    "r0-cnn",
    lesions,
    split,
    pixels,
    name="r0-cnn-average",
    options=r0_options | {"pool": "average"},
    **r0_recipe,
)
chapter.add_trial(r0_average)

# %%
r0_leaky = classify(
    "r0-cnn",
    lesions,
    split,
    pixels,
    name="r0-cnn-leaky",
    options=r0_options | {"activation": "leaky_relu"},
    **r0_recipe,
)
chapter.add_trial(r0_leaky)

# %% [markdown]
# ## AlexNet, the road not taken
#
# R0 names AlexNet {cite}`krizhevsky2012alexnet` as what it would have tried with more time. The
# network of 2012 has five convolutions and two dense layers of 4096 units; its dense layers hold
# more than nine tenths of its 62 million weights. It came in two halves, one for each of two GPUs;
# here it is one tower. Its first convolution steps four pixels at a time, too far for small images,
# so `alexnet_stride` and `alexnet_dense` shrink what the images do not fill. It knows no batch
# normalisation, and at Adam's usual rate it soon answers *naevus* whatever it sees; a tenth of that
# rate keeps it learning.

# %%
alexnet = classify(
    "alexnet",
    lesions,
    split,
    pixels,
    options={"filters": alexnet_filters, "dense": alexnet_dense, "stride": alexnet_stride},
    **r0_recipe | {"learning_rate": alexnet_rate},
)
chapter.add_trial(alexnet)

# %% [markdown]
# ## R1's task: malignant or benign
#
# The same images with two labels in place of seven. Which classes count as malignant is a choice:
# we follow HAM10000's authors (melanoma, basal cell carcinoma, and actinic keratosis with
# intraepithelial carcinoma). R1 made the two classes equally frequent by augmenting the malignant
# one; here each image is weighted instead, so that both classes count alike in the loss. The
# training part is predicted too, for R1 saw its baseline near perfect in training and poor in
# testing: the gap is the finding.

# %%
two_classes = malignant_or_benign(lesions, malignant)
one_conv_binary = classify(
    "one-conv",
    two_classes,
    split,
    pixels,
    name="one-conv-binary",
    parts=("train", "validation", "test"),
    class_weight=balanced_class_weights(
        two_classes.codes(split.parts["train"]), two_classes.classes
    ),
    **recipe,
)
chapter.add_trial(one_conv_binary)

# %% [markdown]
# ## Learning curves
#
# Training loss falls as long as one likes. Validation loss turns where memorising begins; the
# diamond marks the epoch whose weights were kept.

# %%
chapter.add_learning_curves([one_conv, r2_cnn, one_conv_binary])
chapter.figure(
    "learning-curves",
    plots.learning_curves,
    caption="Loss and accuracy on training and validation part, epoch by epoch.",
    alt="Learning curves of three networks; validation loss flattens while training loss falls.",
)

# %%
chapter.add_learning_curves([r0_cnn, r0_average, r0_leaky, alexnet], "learning-curves-deep")
chapter.figure(
    "learning-curves-deep",
    plots.learning_curves,
    caption="The same for R0's network, its two variants, and AlexNet.",
    alt="Learning curves of four deeper networks, each stopped soon after its best epoch.",
)

# %% [markdown]
# ## How long to wait
#
# R0 stopped a training once the validation loss had not improved for two epochs in a row. A loss
# that is measured on few images jumps, and a short patience takes a jump for the end. The finished
# curves show what another patience would have made of the same trainings, as far as they go: after
# which epoch it would have stopped, and how much higher the loss of its best epoch is than the
# lowest of the whole curve.

# %%
chapter.add_series(
    "patience", patience_table({each.name: each.history for each in (one_conv, r2_cnn, alexnet)})
)
chapter.table(
    "patience",
    caption="Early stopping replayed on the validation losses above.",
    formats={"val_loss": ".3f", "lowest": ".3f", "lost": "+.3f"},
)

# %% [markdown]
# ## What a network costs
#
# Parameters are what must be stored, time is what must be waited for, and the two are not the same:
# a weight of a convolution works at every place of the image, a weight of a dense layer once.

# %%
trials = [one_conv, r2_cnn, r0_cnn, r0_average, r0_leaky, alexnet, one_conv_binary]
chapter.add_series("costs", cnn_from_scratch.costs(trials, len(split.parts["train"])))
chapter.table(
    "costs",
    caption="Layers, parameters and training time of each network as trained here.",
    formats={"parameters": ",d", "seconds": ",.0f", "milliseconds an image": ".2f"},
)

# %% [markdown]
# ## Scores on the test part
#
# Balanced accuracy is the mean of the seven recalls: guessing gets one seventh, and so does always
# answering *naevus*. Accuracy flatters both. Every interval is a 95 % bootstrap over **lesions**:
# two photographs of one lesion are not two independent tests.

# %%
chapter.add_series("scores", chapter.scores("test", overall=True))
chapter.figure(
    "scores",
    plots.metric_intervals,
    metrics=["balanced_accuracy", "accuracy", "f1_macro", "roc_auc"],
    caption="Test scores of all networks with 95 % intervals.",
    alt="Dots with intervals for four scores of each network.",
)

# %%
chapter.add_series("class-scores", chapter.scores("test", overall=False))
chapter.table(
    "class-scores",
    shape=summaries.class_scores,
    caption="Precision, recall (sensitivity), specificity and F1 of each class on the test part, "
    "with 95 % intervals.",
    filterable=True,
)

# %% [markdown]
# ## No better?
#
# R0 says of average pooling that it "didn't obtain better results", and the same of LeakyReLU. To
# say it of ours, the variants are compared on the same test images, and the interval is that of
# the *difference*: what both find hard cancels. Another first draw of the weights would give
# another difference, so all three are trained again from `variant_seeds`, if there are any. An
# interval that holds zero is not yet "no better". It must also leave out every gain worth having.
# We ask R0 itself what is worth having: in its own tables a rise of macro F1 that it calls no
# gain gives the margin.

# %%
by_variant = cnn_from_scratch.with_further_seeds(
    {
        "max pooling and ReLU": (r0_cnn, r0_options),
        "average pooling": (r0_average, r0_options | {"pool": "average"}),
        "LeakyReLU": (r0_leaky, r0_options | {"activation": "leaky_relu"}),
    },
    variant_seeds, lesions, split, pixels, **r0_recipe,
)  # fmt: skip
effects = cnn_from_scratch.variant_effects(by_variant, [seed, *variant_seeds], seed=seed)
chapter.add_series("variants", effects)
chapter.figure(
    "variants",
    plots.effect_intervals,
    metric="f1_macro",
    caption="Macro F1 of each variant minus that of R0's network (in brackets: network → variant).",
    alt="Two intervals of a difference beside zero.",
)

# %%
chapter.table(
    "variants",
    caption="The same for every score: R0's network (first), variant (second), difference.",
    formats={"first": ".3f", "second": ".3f", "value": ".3f", "low": ".3f", "high": ".3f"},
    folded=True,
)

# %% [markdown]
# ## The official test images
#
# The ISIC 2018 challenge {cite}`codella2019isic2018` keeps the answers to its test images. Of the
# seven-class networks the one with the best balanced accuracy *on the validation part* predicts
# them, in the challenge's own file format. (Only where `unlabelled` names a collection.)

# %%
chosen = best_on_validation([one_conv, r2_cnn, r0_cnn, r0_average, r0_leaky, alexnet])
chapter.submission(
    chosen.name,
    predict_unlabelled(chosen, load_collection(unlabelled), height=height, width=width)
    if unlabelled
    else None,
)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.cnn_from_scratch)

# %% [markdown]
# R1 says that its baseline stayed below 75 % on its test part and reached "high 90s" in training.
# R2 calls its first network's result poor and gives no number. Accuracy on *malignant or benign*
# also depends on how many test images are malignant, so R1's and ours are not the same measurement;
# what carries over is the gap between training and test. R0's scores are of 114 conditions in
# photographs of the clinic; what carries over are its counts, and its two comparisons.

# %%
chapter.answer(
    "R1.baseline:one-convolution:test-accuracy",
    model="one-conv-binary",
    part="test",
    metric="accuracy",
    not_comparable=prevalence_differs(one_conv_binary.predictions["test"]),
)
chapter.finding(
    "2.2",
    "cannot be compared",
    measured=f"balanced accuracy {chapter.measured('r2-cnn', 'test', 'balanced_accuracy')}",
    because="the report calls its result poor and gives no number",
)
cnn_from_scratch.answer_claims(chapter, lesions)
cnn_from_scratch.add_findings(chapter, effects, lesions)
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. Train with `patience` 1 and with `epochs` 30 and no early stopping (a `patience` of 30). Which
#    epoch is kept, and what does the validation loss say of the others?
# 2. Take `akiec` out of the list `malignant`. What happens to the share of malignant images, and to
#    the accuracy of always answering *benign*?
# 3. R2's network has most of its weights in one layer. Which, and how would you get rid of them?
# 4. Count R0's parameters by hand. Which layer would you make smaller first?
# 5. The interval of a variant's difference holds zero. Name two ways to make it narrower, and say
#    what it leaves out even then.
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. `dermbook run cnn-from-scratch -p patience=1` keeps the last epoch before the first rise, which
#    is often noise. With a patience of 30 all epochs run; the best one is kept all the same, and
#    the curve after it is the price of waiting: time, not accuracy.
# 2. `-p malignant='[mel, bcc]'`. The malignant share falls, so *always benign* gets more accurate
#    without any learning. Compare accuracies only at equal prevalence.
# 3. The dense layer after `Flatten`: it has one weight for each position, channel and unit. Global
#    average pooling in place of `Flatten` leaves a few thousand.
# 4. Each convolution has 9 · inputs · outputs weights and one bias an output: with 3 → 32 → 64 → …
#    → 2048 maps, 25,164,608 in all, three quarters of them in the last. The dense layers add
#    4096 · 512 + 512 and 512 · 114 + 114. Leaving out the seventh convolution, or giving it 512
#    filters, saves most; whether it costs anything is a question for the validation part.
# 5. More test lesions, or several seeds of training averaged for each arm. What another seed would
#    have learned is not in the interval at all as long as each arm was trained once.
# ```

# %%
chapter.close()
