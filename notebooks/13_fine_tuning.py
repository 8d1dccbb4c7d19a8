# ---
# jupyter:
#   dermbook:
#     chapter: fine-tuning
#     title: Fine-tuning
#     question: How much of a pretrained network should learn, by which rule, and for how long?
#     description: Depth, optimizer, rate, clipping, schedules and checkpoints, and the book’s best network
#     part: III
#     needs: []
#     rows: ["0.8", "0.14", "1.7", "1.8", "1.9", "1.10", "1.11", "1.17", "4.11"]
#     lessons: [M5, M7]
#     accelerator: optional
#     minutes: {quick: 1.9, laptop: 40.2}
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
# # Fine-tuning
#
# **Question.** How much of a pretrained network should learn, by which rule, and for how long?
#
# A frozen backbone cannot learn what skin looks like; it only lends what it knows of other
# pictures. Fine-tuning lets some of its layers go on learning. R1 went that way with InceptionV3,
# step by step: gradients exploded and were clipped, four optimizers were tried, then the last 150
# layers were set free, and the accuracy rose from 77 to 88 %. R4 named deeper training as its next
# step. On the way the reports made two mistakes that are easy to make and hard to see: a schedule
# that lowered the learning rate *because* the score improved, and a test of the last epoch's
# weights in place of the best one's. Here each step is an experiment of its own.
#
# ## What you will be able to do
#
# - choose how many layers learn, and say what happens to batch normalisation;
# - compare optimizers over several seeds, and not by three images;
# - see a gradient explode in its norm, and bound it;
# - write a learning-rate schedule that knows which way is up;
# - fine-tune a network within a number of minutes, and go on after a crash.
#
# ## What it needs
#
# No other chapter; *transfer-learning* explains frozen backbones. The `quick` edition uses the
# **phantom** and `tiny`, an **untrained stand-in** for a backbone, four small blocks with random
# weights: its numbers show that the experiments run, and nothing about pretraining. The `laptop`
# edition fine-tunes networks with ImageNet weights on HAM10000 {cite}`tschandl2018ham10000`.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split, first weights, orders and draws
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 700  # how many pictures; 0 takes all of an imported collection
malignant: list[str] = ["mel", "bcc", "akiec"]  # classes that count as malignant in R1's task
backbone: str = "tiny"  # of vectors and depths: tiny (an untrained stand-in), mobilenetv2, …
weights: str = "imagenet"  # of real backbones: imagenet or random
height: int = 48  # pixels, of pictures that become vectors
width: int = 64  # pixels, of pictures that become vectors
optimizers: list[str] = ["sgd", "adam", "adamax", "nadam", "rmsprop", "adagrad"]  # compared
seeds: list[int] = [0, 1]  # of first weights and orders of the heads that are compared
epochs: int = 10  # of every head (R1: 10)
nadam_epochs: int = 15  # of the longer training with Nadam (R1: 15)
rates: list[float] = [0.001, 0.0001, 0.00001]  # learning rates (R0's)
batch_sizes: list[int] = [32, 64]  # images a step (R0's)
sizes: list[str] = []  # picture sizes to compare, HEIGHTxWIDTH (R0: 192x290, 224x224, 300x300)
size_images: int = 1500  # how many pictures are used for that
depths: list[str] = ["0", "2", "all", "all, batch statistics"]  # layers of the backbone that learn
depth_images: int = 1500  # training pictures for that; 0 takes all
depth_height: int = 32  # pixels
depth_width: int = 48  # pixels
depth_epochs: int = 2  # passes over them
warm_up: int = 20  # passes, at most, in which a new head learns alone before the backbone does
retrained: str = ""  # a second backbone, retrained in full (R1: vgg16); empty for none
retrained_height: int = 48  # pixels
retrained_width: int = 64  # pixels
exploding: str = "tiny"  # backbone of the exploding gradients (R1: inceptionv3)
exploding_images: int = 400  # pictures for that
exploding_steps: int = 40  # steps of each way to train
exploding_rate: float = 0.1  # learning rate of plain SGD there
plateau_epochs: int = 22  # epochs of the two schedules (R4: 22)
last_epochs: int = 22  # epochs of the trainings whose last epoch is compared with the best
policies: list[str] = []  # precisions to time, e.g. float32 and mixed_bfloat16; [] for none
best_backbone: str = "tiny"  # of the best network
best_height: int = 48  # pixels
best_width: int = 64  # pixels
best_last: int = -1  # layers of it that learn; -1 for all
best_epochs: int = 2  # passes, at most
best_minutes: float = 12.0  # of training, at most
best_rate: float = 0.0003  # highest learning rate
best_sampling: str = "square-root"  # none, square-root or balanced
best_augment: str = "turns"  # recipe of augmentation
best_smoothing: float = 0.05  # share of a label that is spread over all classes
best_ema: float = 0.0  # momentum of the running mean of weights; 0 for none
best_flips: bool = True  # predict each picture four times, mirrored
unlabelled: str = ""  # a collection without answers to predict, e.g. isic2018-test

# %%
from dermbook import plots
from dermbook.data import (
    cached_images,
    class_counts,
    load_collection,
    load_split,
    malignant_or_benign,
)
from dermbook.evaluation import fine_tuning as tuning
from dermbook.evaluation import predict_unlabelled
from dermbook.publishing import fine_tuning, open_chapter, summaries

chapter = open_chapter("fine-tuning", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
split = load_split(lesions, seed=seed)
chapter.uses(lesions, split)
kept = chapter.output / "checkpoints" / chapter.name
chapter.parameter_table()

# %% [markdown]
# ## R1's task, and what counts as malignant
#
# R1's introduction names two cancers, melanoma and basal cell carcinoma. Its count of malignant
# images, "2,000", fits only if actinic keratosis with intraepithelial carcinoma is among them, as
# HAM10000's authors have it. We take the longer list; `malignant` is a parameter. And R1's test
# part has a larger share of malignant images than either list gives, because copies were made
# before the split (lesson M9). Accuracies at different shares cannot be compared.

# %%
chapter.add_series("prevalences", fine_tuning.prevalences(lesions))
chapter.table(
    "prevalences",
    caption="Malignant images under two lists of classes, and in R1's test part.",
    formats={"share": ".1%"},
)

# %%
binary = malignant_or_benign(lesions, malignant)
chapter.add_series("parts", class_counts(split, binary))
chapter.table("parts", caption="Images of each class in each part of the lesion-grouped split.")

# %% [markdown]
# ## Optimizers
#
# R1 trained InceptionV3, its base frozen, for ten epochs with each of four optimizers, once. R0
# tried three (row 0.14). A frozen base gives the same vector of an image every time, so we compute
# the vectors once and train the same head with every optimizer and several seeds. Rates are
# Keras's own, for R1 names none. Classes are drawn equally often, as R1 balanced them; the head is
# R1's: two dense layers with dropout. The optimizers are SGD, Adam and Adamax
# {cite}`kingma2015adam`, Nadam {cite}`dozat2016nadam`, RMSprop and Adagrad
# {cite}`duchi2011adagrad`.

# %%
size = {"height": height, "width": width, "weights": weights, "seed": seed}
with chapter.timing("vectors"):
    vectors = tuning.vectors_of(backbone, lesions, **size)
recipe = tuning.HeadSetting(epochs=epochs, sampling="balanced")
with chapter.timing("optimizers"):
    by_optimizer = tuning.head_trials(
        vectors, binary, split, tuning.optimizer_settings(optimizers, recipe), seeds
    )
fine_tuning.add_trials(chapter, by_optimizer)

# %%
tested = tuning.arms_of(by_optimizer, seeds, "test")
in_training = tuning.arms_of(by_optimizer, seeds, "train")
chapter.add_series("optimizers", fine_tuning.optimizer_scores(in_training, tested, seed=seed))
chapter.figure(
    "optimizers",
    plots.optimizer_scores,
    caption="Accuracy of the same head with each optimizer, beside R1's with InceptionV3.",
    alt="Dots with intervals for six optimizers in training and test, and diamonds for R1's four.",
)

# %% [markdown]
# R1 read its table as a ranking: SGD worst, Nadam best, three images of 1,002 ahead of Adam. Which
# of its differences are found again? The interval is over lesions and seeds; *open* means that it
# holds zero.

# %%
chapter.add_series("optimizer-pairs", fine_tuning.optimizer_pairs(tested, seed=seed))
chapter.table(
    "optimizer-pairs",
    caption="Differences in test accuracy between optimizers, and R1's.",
    formats={"value": "+.3f", "low": "+.3f", "high": "+.3f", "reported": "+.3f"},
)

# %%
chapter.add_series("r0-optimizers", fine_tuning.r0_optimizers())
chapter.table(
    "r0-optimizers",
    caption="R0's three optimizers. The labels of the second and third row are lost.",
    of="reports",
)

# %% [markdown]
# ## Rates, batches, sizes
#
# R0 tried three rates, two batch sizes and three picture sizes, and gives no score of them. Here is
# such a grid, for the head on seven classes. It is scored on the *validation part*: a choice among
# settings must not look at the test.

# %%
grid = tuning.rate_settings(rates, batch_sizes, tuning.HeadSetting(epochs=epochs))
by_rate = tuning.head_trials(vectors, lesions, split, grid, seeds, parts=["validation"])
found = fine_tuning.rate_table(
    tuning.arms_of(by_rate, seeds, "validation"), rates, batch_sizes, seed=seed
)
chapter.add_series("rates", found)
chapter.table(
    "rates",
    caption="Balanced accuracy on the validation part by learning rate and batch size.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f", "learning_rate": "g"},
)

# %% [markdown]
# HAM10000's pictures are stored here at 150×200 pixels or so, so larger sizes only enlarge them: a
# network sees no new detail, but its first layers see it at the scale they were trained for. (Only
# where `sizes` names some.)

# %%
with chapter.timing("sizes"):
    by_size = tuning.size_trials(
        backbone, lesions, sizes, seeds, images=size_images, weights=weights, seed=seed
    )
chapter.add_series("sizes", fine_tuning.size_table(tuning.arms_of(by_size, seeds, "validation")))
chapter.table(
    "sizes",
    caption="Balanced accuracy on the validation part by picture size, the base frozen.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f"},
)

# %% [markdown]
# ## Gradients that explode
#
# "The loss value jumping to inf and then to nan": R1 met it at once, and cured it by bounding
# gradients at 1.0 and penalising weights. It does not say why it happened. One way to make it
# happen is to leave pixels at 0 … 255: the vectors of the base become a hundred times longer, a
# step in a deep head is as much too long, and the next gradient is longer still
# {cite}`pascanu2013difficulty`. We write down the norm of the gradient at every step, before any
# bounding, of plain SGD at a high rate. The head has four dense layers (R1 does not say how many)
# and ends in a logit, so that no cut-off hides how large the loss becomes.

# %%
few = lesions.where(ids=split.parts["train"][:exploding_images])
with chapter.timing("exploding gradients"):
    scaled = tuning.vectors_of(exploding, few, **size)
    raw = tuning.vectors_of(exploding, few, scaling="raw", **size)
steps = tuning.exploding_gradients(
    scaled, raw, binary, few.ids,
    learning_rate=exploding_rate, steps=exploding_steps, seed=seed,
)  # fmt: skip
chapter.add_series("gradients", steps)
chapter.figure(
    "gradients",
    plots.gradient_steps,
    caption="Norm of the gradient and loss at each step. Clipping bounds the step that is taken; "
    "the norm shown is that of the gradient before it.",
    alt="Lines of five arms: with unscaled pixels norm and loss shoot up and end early.",
)

# %%
chapter.add_series("explosions", tuning.explosions(chapter.series("gradients"), exploding_steps))
chapter.table(
    "explosions",
    caption="What became of each way to train. The penalty alone cannot help: it adds to the "
    "gradient, and bounds nothing.",
    formats={"largest_norm": ".3g", "last_loss": ".3g"},
)

# %% [markdown]
# Clipping keeps the training alive; scaling the pixels makes it unnecessary. Treat the cause first.
#
# ## A longer training
#
# R1 went on with Nadam: 15 epochs and more dropout.

# %%
longer = tuning.HeadSetting(
    optimizer="nadam", epochs=nadam_epochs, sampling="balanced",
    head={**tuning.R1_HEAD, "dropout": 0.7},
)  # fmt: skip
nadam = tuning.head_trial(vectors, binary, split, longer, name="ft-nadam-longer", seed=seed)
fine_tuning.add_trials(chapter, {"ft-nadam-longer": [nadam]})

# %% [markdown]
# ## How deep?
#
# Then R1 set the last 150 layers of InceptionV3 free for ten epochs more. Here the backbone of this
# run learns in none of its layers, in the last two (R0's way), in 150 (nearly all of MobileNetV2's
# 154, half of InceptionV3's 311) and in all. Layers are counted as Keras counts them. The head
# first learns alone, so that its random weights do not spoil the backbone; then all that is free
# learns at a small rate. Batch normalisation keeps the statistics it came with, except in the arm
# named after the statistics of the batch: there they are learned anew.

# %%
small = cached_images(lesions, height=depth_height, width=depth_width)
fewer = tuning.fewer_to_train(split, depth_images, seed=seed)
with chapter.timing("depths"):
    by_depth = tuning.unfreezing(
        backbone, binary, fewer, small, depths, epochs=depth_epochs, sampling="balanced",
        weights=weights, checkpoints=kept, seed=seed,
    )  # fmt: skip
fine_tuning.add_trials(chapter, {depth: [trial] for depth, trial in by_depth.items()})

# %%
second = fine_tuning.retrain(
    retrained, binary, fewer, height=retrained_height, width=retrained_width,
    epochs=depth_epochs, warm_up=warm_up, sampling="balanced", weights=weights,
    checkpoints=kept, seed=seed,
)  # fmt: skip
fine_tuning.add_trials(chapter, {name: [trial] for name, trial in second.items()})
chapter.add_series("depths", tuning.unfreezing_table(by_depth | second))
chapter.figure(
    "depths",
    plots.depth_scores,
    caption="Balanced accuracy on malignant or benign by how much of the network learned.",
    alt="A dot with interval for each depth, with the number of weights that learn beside it.",
)

# %%
chapter.table(
    "depths",
    caption="Weights that learn, seconds an epoch, validation score, and test score with its "
    "95 % interval.",
    formats={"trainable": ",", "share": ".1%", "seconds": ".1f", "validation": ".3f",
             "value": ".3f", "low": ".3f", "high": ".3f"},
)  # fmt: skip

# %%
chapter.add_series("depth-effects", fine_tuning.depth_effects(by_depth, seed=seed))
chapter.table(
    "depth-effects",
    caption="Each depth against the first, on the same test images.",
    formats={"value": "+.3f", "low": "+.3f", "high": "+.3f"},
)

# %%
chapter.add_learning_curves([*by_depth.values(), *second.values()])
chapter.figure(
    "learning-curves",
    plots.learning_curves,
    caption="Learning curves by depth, after the head's warm-up.",
    alt="Loss and accuracy of training and validation part for each depth, epoch by epoch.",
)

# %% [markdown]
# R1 chose its best epoch by the accuracy on its test images, so its 88.53 % is a best of ten looks
# at the test (lesson M8, shown in *ensembles*).
#
# ## A schedule that reads improvement as a plateau
#
# R4 halved the learning rate whenever `val_f1_metric` had not improved for five epochs. It gave no
# `mode`; Keras then guessed from the name, found no "acc" in it, and waited for the score to
# *fall*. The log shows halvings after epochs 6, 11, 16 and 21, the first just after the best score
# so far. Left, the rule applied to the very values of R4's log; right, a training of our own, once
# in each mode.

# %%
by_mode = {
    mode: tuning.head_trial(
        vectors, lesions, split, tuning.plateau_setting(mode, plateau_epochs),
        name=f"ft-plateau-{mode}", seed=seed,
    )
    for mode in tuning.MODES
}  # fmt: skip
fine_tuning.add_trials(chapter, {mode: [trial] for mode, trial in by_mode.items()})
chapter.add_series("plateaus", fine_tuning.plateau_curves(by_mode))
chapter.figure(
    "plateaus",
    plots.plateau_rates,
    caption="Validation F1 and learning rate under mode auto and mode max: on R4's log, and in a "
    "training of this run.",
    alt="Under auto the rate falls every five epochs while the score rises; under max hardly ever.",
)

# %%
chapter.add_series("halvings", fine_tuning.halving_table(chapter.series("plateaus")))
chapter.table(
    "halvings",
    caption="Halvings under each mode; *wrong* ones came less than five epochs after a new best.",
)

# %% [markdown]
# Keras 3 refuses a name whose direction it does not know, so the mistake can no longer be made in
# silence. A rate that falls for no reason need not hurt: lowering it steadily is what most
# schedules do. But it is then the clock that decides, and not the score.
#
# ## The last epoch or the best one
#
# R4 saved the best epoch's weights to a file and then tested the model in memory, which held the
# last one's: epoch 22 in place of 17. The same trainings, once with the best epoch's weights
# restored, once as they ended, over several seeds:

# %%
ends = tuning.last_epoch_settings(last_epochs)
by_end = tuning.head_trials(vectors, lesions, split, ends, seeds)
fine_tuning.add_trials(chapter, by_end)
chapter.add_series(
    "best-last", fine_tuning.best_and_last(tuning.arms_of(by_end, seeds, "test"), seed=seed)
)
chapter.table(
    "best-last",
    caption="Test scores of the best epoch (by validation loss) and of the last one.",
    formats={"last": ".3f", "best": ".3f", "value": "+.3f", "low": "+.3f", "high": "+.3f"},
)

# %%
chapter.add_series("spread", tuning.histories(by_end, seeds))
chapter.figure(
    "spread",
    plots.learning_curve_spread,
    metric="val_loss",
    caption="Validation loss by epoch; both trainings are the same until the end.",
    alt="Validation loss over epochs, mean and range over seeds.",
)

# %% [markdown]
# ## Half precision and compiled steps
#
# On a GPU, numbers of 16 bits are faster, and compiling a step joins its operations. On a processor
# either may cost more than it gains, so it is measured. TensorFlow does not compile a step when
# operations must be deterministic, as they are in this book; the table then says so. (Only where
# `policies` names some.)

# %%
chapter.add_series(
    "speed", fine_tuning.speed_table(backbone, binary, fewer, small, policies, weights=weights)
)
chapter.table(
    "speed",
    caption="Seconds of the first step, which compiles, and of later ones; loss and score after "
    "ten steps.",
    formats={"first": ".1f", "step": ".3f", "loss": ".3f", "balanced_accuracy": ".3f"},
)

# %% [markdown]
# ## The best network
#
# Now all that helps together, on seven classes: the head first; then layers of the backbone at a
# small rate that rises and falls along a cosine {cite}`loshchilov2017sgdr`; classes drawn by the
# square root of their sizes, anew each epoch; pictures turned every way; labels smoothed
# {cite}`szegedy2016inception`; the best epoch chosen by balanced accuracy on the validation part;
# and each picture predicted in four mirrorings. It stops within `best_minutes`, and goes on where
# it was if it is killed.

# %%
large = cached_images(lesions, height=best_height, width=best_width)
best = fine_tuning.train_best(chapter.parameters, lesions, split, large, checkpoints=kept)
chapter.add_trial(best)
chapter.keep_model(best)  # for *looking inside*
chapter.add_learning_curves([best], name="best-curve")

# %%
chapter.figure(
    "best-curve",
    plots.learning_curves,
    best="val_balanced_accuracy",
    caption="Learning curve of the best network. Training pictures are turned and redrawn, and "
    "labels smoothed, so its training loss is not comparable with the validation loss.",
    alt="Loss and accuracy of the best network, epoch by epoch.",
)

# %% [markdown]
# What did setting the backbone free bring? The same head, sampling, smoothing and mirroring, with
# the backbone frozen: its head learns until the validation loss turns, and for one epoch more on
# turned pictures. For R1's task the probabilities of the malignant classes are added up.

# %%
frozen = fine_tuning.train_best(
    chapter.parameters, lesions, split, large, checkpoints=kept,
    name=f"{best_backbone}-frozen", frozen=True,
)  # fmt: skip
chapter.add_trial(frozen)
chapter.add_series("tuning-gains", fine_tuning.tuning_gains(frozen, best, malignant, seed=seed))
chapter.table(
    "tuning-gains",
    caption="Test scores with the backbone frozen (first) and fine-tuned (second).",
    formats={"first": ".3f", "second": ".3f", "value": "+.3f", "low": "+.3f", "high": "+.3f"},
)

# %%
scores = chapter.scores("test", overall=True)
chapter.add_series("best-scores", scores[scores["model"] == best.name])
chapter.figure(
    "best-scores",
    plots.metric_intervals,
    metrics=["balanced_accuracy", "accuracy", "f1_macro", "roc_auc"],
    caption="Test scores of the best network with 95 % intervals over lesions.",
    alt="Four scores with intervals of the fine-tuned network.",
)

# %%
chapter.submission(
    best.name,
    predict_unlabelled(
        best, load_collection(unlabelled), height=best_height, width=best_width, flips=best_flips
    )
    if unlabelled
    else None,
)

# %% [markdown]
# ## What we found

# %%
firsts = [each[0] for each in by_optimizer.values()]
fine_tuning.add_answers(chapter, [*firsts, nadam, *by_depth.values(), *second.values()])
fine_tuning.add_findings(chapter)
chapter.summary(summaries.fine_tuning)

# %%
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. `dermbook run fine-tuning -p depths='["0", "all"]' -p depth_epochs=6`: does the gap between the
#    depths grow or shrink with more epochs? Look at the validation loss before you answer.
# 2. R4's rule watched a score called `val_f1_metric`. What would have happened if it had been
#    called `val_f1_accuracy`? And what does `mode="auto"` do with `val_loss`?
# 3. Why does the norm of a *clipped* training still spike, and why does it not matter?
# 4. R1's Nadam was 3 of 1,002 images better than Adam. How large must a difference be on such a
#    test part to be outside of chance?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. With more epochs the deeper network fits the training part better and better; what it gains on
#    the validation part ends when its validation loss turns. With few images that is soon.
# 2. "acc" is part of that name, so Keras 2 would have taken the maximum, and been right by luck.
#    For a loss the guess, the minimum, is right.
# 3. Clipping bounds the step, and the loss surface is as steep as before. The next gradient may be
#    as long; the step is not.
# 4. The standard error of a proportion near .77 on 1,002 images is about .013, and two models that
#    err on different images have a difference with an error of up to .019: some 37 images for 95 %.
#    On the same images a paired test needs less, but never 3.
# ```

# %%
chapter.close()
