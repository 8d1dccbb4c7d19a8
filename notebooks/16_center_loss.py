# ---
# jupyter:
#   dermbook:
#     chapter: center-loss
#     title: Center loss
#     question: Why did center loss reach infinity for R1, and does it help once it does not?
#     description: A loss that pulls each class together, where it explodes, and a form that trains
#     part: III
#     needs: []
#     rows: ["1.13"]
#     lessons: []
#     accelerator: none
#     minutes: {quick: 0.8, laptop: 9.4}
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
# # Center loss
#
# **Question.** Why did center loss reach infinity for R1, and does it help once it does not?
#
# Center loss {cite}`wen2016centerloss` keeps a *center* for each class and adds to the usual loss
# half the squared distance of every image's features to the center of its class:
#
# $$L = L_{\text{cross-entropy}} + \lambda \, \tfrac{1}{2} \sum_i \lVert x_i - c_{y_i} \rVert^2 .$$
#
# After each batch the centers follow the features. R1 tried it for *malignant or benign* with one
# sigmoid output. Its losses were "jumping large values and reaching infinity quickly". R1 concluded
# that center loss needs a softmax, which two classes seemed to rule out, and dropped it. Both parts
# can be tested: does it diverge, and is the sigmoid to blame? The report gives neither λ nor the
# layer nor the optimizer, so we try several readings.
#
# ## What you will be able to do
#
# - write a loss that owns weights of its own, on any backend of Keras;
# - tell a loss that diverges from a network that collapses, by looking at the parts of the loss;
# - predict from the data at which weight a squared loss will explode;
# - test whether a published trick helps *you*: a sweep, several seeds, a paired interval.
#
# ## What it needs
#
# No other chapter and no accelerator. All networks here are small and sit on fixed vectors, one an
# image. In the `quick` edition these are plain pixels of a **phantom**; in `laptop` they come from
# a frozen MobileNetV2 {cite}`sandler2018mobilenetv2`. R1 trained whole networks; what is shown here
# is the last layers of one.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split and the bootstrap
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 700  # how many pictures; 0 takes all of an imported collection
height: int = 48  # pixels, of pictures before they become vectors
width: int = 64  # pixels, of pictures before they become vectors
backbone: str = "pixels"  # what makes the vectors: pixels, or a frozen network like mobilenetv2
weights: str = "imagenet"  # of that network: imagenet or random
malignant: list[str] = ["mel", "bcc", "akiec"]  # classes that count as malignant (R1's task)
attempts: list[str] = ["all"]  # formulations that are followed step by step; "all" takes every one
steps: int = 200  # training steps of each
attempt_seeds: list[int] = [0, 1, 2]  # of their first weights and order of images
limit_factors: list[float] = [0.1, 0.3, 0.7, 1.4, 3.0, 10.0]  # weights tried, of the limit
strengths: list[float] = [0.01, 0.1, 1.0]  # λ of the formulation that trains; 0 is always added
seeds: list[int] = [0, 1, 2]  # of the networks of that sweep
epochs: int = 30  # passes over the training part, at most
batch_size: int = 64  # images a step
learning_rate: float = 0.001  # of Adam
patience: int = 5  # epochs without a better validation cross-entropy before training stops
dimensions: int = 8  # numbers in an embedding

# %% [markdown]
# ## Vectors, once
#
# The network before the last layers stays fixed, so each image is one vector throughout. Images
# are divided by lesion, as everywhere in this book.

# %%
from dermbook import plots
from dermbook.data import load_collection, load_split, malignant_or_benign
from dermbook.evaluation.center_loss import (
    Study,
    embedding_points,
    outcomes,
    standardised,
    sweep_table,
)
from dermbook.publishing import center_loss, open_chapter, summaries
from dermbook.publishing.leakage import batch_vectors

chapter = open_chapter("center-loss", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
split = load_split(lesions, seed=seed)
chapter.uses(lesions, split)
two_classes = malignant_or_benign(lesions, malignant)
vectors = batch_vectors(lesions, backbone, height=height, width=width, weights=weights)
chapter.parameter_table()

# %% [markdown]
# ## R1's failure, step by step
#
# The plainest reading: one dense layer gives an embedding of 64 numbers (R1's own head on VGG), one
# sigmoid unit stands on it, λ is 1, and gradient descent runs at Keras's default rate of 0.01. Each
# other reading differs in what its name says: the sum over the batch, as in the paper's equation,
# in place of the mean; a ReLU on the embedding; the distance measured on the *one output*, before
# or after the sigmoid; Adam; softmax; a smaller λ; standardised vectors; embeddings of length one.
#
# As it trains we look at a few hundred training images: the cross-entropy, the center loss, and
# how long the embeddings are. A training has **diverged** if its loss was ever infinite or a
# thousand times its first value. It has **collapsed** if it did not diverge, and either its area
# under the ROC curve on the validation part ends below .6 or its embeddings have shrunk to less
# than a hundredth of their first length. Else it **trains**.

# %%
names = center_loss.chosen_attempts(attempts)
with chapter.timing("step by step"):
    followed = center_loss.follow_all(
        names, vectors, two_classes, split, steps=steps, seeds=attempt_seeds
    )
chapter.add_series("steps", center_loss.of_first_seed(followed))
chapter.add_series("attempts", center_loss.outcome_counts(outcomes(followed)))
chapter.table(
    "attempts",
    caption="How each formulation ended: seeds by outcome; medians of steps made, of the largest "
    "loss over the first, of the embeddings' length and of the validation AUC at the end.",
    formats={"steps": ".0f", "largest": ".3g", "norm": ".3g", "auc": ".3f"},
)

# %%
chapter.figure(
    "steps",
    plots.loss_parts,
    formulations=center_loss.drawn(names),
    caption="Cross-entropy, center loss and length of the embeddings, step by step (first seed).",
    alt="Logarithmic curves: for some formulations center loss and length grow exponentially.",
)

# %% [markdown]
# The picture is always the same. Cross-entropy cannot explode by itself: its gradient is a
# probability minus a label, never more than one. The gradient of a squared distance is the
# distance, and it has no bound. If one step overshoots the center by more than the distance it
# began with, the next gradient is larger, the next step overshoots more, and the loss grows
# exponentially.
#
# A ReLU ends the story differently. The first steps push most units below zero, where they have no
# gradient, and what is left shrinks towards centers near zero: all embeddings become one point, the
# center loss is nearly zero, and nothing is left to tell the classes by. That is a collapse, and
# the loss curve alone looks like success.
#
# ## Where the limit lies
#
# When does a step overshoot? For a linear layer on vectors $x$ with learning rate $\eta$, the gap
# to the center shrinks in each step by the share $\eta \lambda s$, where $s$ is the largest
# eigenvalue of the mean of $x x^\top$; and by $\alpha$, because the center moves towards the
# features, too. At a share of 2 the gap has changed sign and kept its size. So λ must stay below
# $(2 - \alpha) / (\eta s)$: a number that can be computed before any training. It is exact for one
# class in full batches, and a good guess otherwise. The dashed line is that guess.

# %%
with chapter.timing("limit"):
    limit = center_loss.limit_table(
        limit_factors, vectors, two_classes, split, steps=steps, seed=seed
    )
chapter.add_series("limit", limit)
chapter.figure(
    "limit",
    plots.strength_limit,
    caption="R1's reading at several weights λ: the largest loss over the first. The dashed line "
    "is the limit predicted from the vectors.",
    alt="Points at small weights stay low; beyond the dashed line the loss reaches infinity.",
)

# %% [markdown]
# ## A formulation that trains
#
# Four changes follow. *Standardised vectors*: features after a ReLU are all positive, and their
# common mean is most of the eigenvalue above. *Embeddings of length one*: no distance exceeds 2, so
# the pull is bounded. *A small λ*, found by a sweep. *Two logits and a softmax*: nothing forbids it
# for two classes (a sigmoid of the difference of two logits is the same function), and the table
# above shows whether it matters. The network is one hidden layer of 64, an embedding, and the
# softmax; Adam {cite}`kingma2015adam` trains it, images are weighted so that classes count alike,
# and the best epoch is that of the lowest validation *cross-entropy*, so every λ is judged alike.
# The same for R1's two classes and for all seven.

# %%
standard = standardised(vectors, split)
study = Study(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    patience=patience,
    dimensions=dimensions,
    checkpoints=chapter.output / "checkpoints" / chapter.name,
)
with chapter.timing("sweep"):
    binary = center_loss.sweep(
        "binary", strengths, standard, two_classes, split, study, seeds=seeds
    )
    seven = center_loss.sweep("seven", strengths, standard, lesions, split, study, seeds=seeds)

# %%
chapter.add_series(
    "sweep", center_loss.joined(sweep_table(binary, "binary"), sweep_table(seven, "seven"))
)
chapter.figure(
    "sweep",
    plots.strength_sweep,
    caption="Validation scores by λ, and squared distances within classes over those between "
    "class means. Dots are seeds, lines go through their means.",
    alt="Three panels against the weight of center loss: two scores and a ratio of distances.",
)

# %% [markdown]
# ## With and without, on the test part
#
# The λ above 0 with the best mean balanced accuracy on the *validation* part is tested, and the
# same network without center loss, under every seed. The interval resamples lesions and seeds, the
# same for both.

# %%
scores, gains, shown = center_loss.judge(
    chapter, "binary", binary, standard, two_classes, split, seed=seed
)
more_scores, more_gains, more = center_loss.judge(
    chapter, "seven", seven, standard, lesions, split, seed=seed
)
chapter.add_series("scores", center_loss.joined(scores, more_scores))
chapter.add_series("gains", center_loss.joined(gains, more_gains))

# %%
chapter.table(
    "scores",
    caption="Test scores without and with center loss, all seeds together, 95 % intervals.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f", "strength": "g"},
)

# %%
chapter.table(
    "gains",
    caption="With minus without center loss, 95 % intervals.",
    formats={
        "first": ".3f", "second": ".3f", "value": "+.3f", "low": "+.3f", "high": "+.3f",
        "strength": "g",
    },
)  # fmt: skip

# %%
chapter.add_learning_curves([*shown.values(), *more.values()])
chapter.figure(
    "learning-curves",
    plots.learning_curves,
    best="val_cross_entropy",
    caption="Learning curves of the four tested networks (first seed). With center loss the loss "
    "includes its term.",
    alt="Loss and accuracy by epoch of four networks, with the best epoch marked.",
)

# %% [markdown]
# ## Where the classes lie
#
# What center loss promises is compact classes. Each point is a validation image, in the two main
# directions of its network's embedding.

# %%
chapter.add_series("embeddings", embedding_points({**shown, **more}, seed=seed))
chapter.figure(
    "embeddings",
    plots.embedding_points,
    caption="Embeddings of validation images without (plain) and with center loss (center).",
    alt="Four panels of points by class, two networks without and two with center loss.",
)

# %% [markdown]
# Compact is not the same as right: an image near the wrong center is wrong with more confidence.
# Faces, for which center loss was made, come with thousands of classes, and most are new when the
# system is used, so distances between embeddings *are* the result. With two or seven fixed classes
# the classifier only asks on which side of a plane an image falls.
#
# ## What we found
#
# The verdict on R1's row follows a rule: *confirmed* if the plainest reading of it diverges under
# every seed. Its reason (softmax is needed) holds if softmax at the same λ does not diverge and no
# sigmoid trains; it does not hold if softmax diverges, too, and some sigmoid with center loss
# trains.

# %%
center_loss.add_findings(chapter)
chapter.summary(summaries.center_loss)

# %%
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. The paper's rule divides by $1 + n_j$. What would happen to a class without an image in the
#    batch if it divided by $n_j$?
# 2. Center loss is summed over a batch of 32 in place of its mean. By which factor must λ change so
#    that nothing else does? What if somebody then doubles the batch size?
# 3. Measured on the probability after the sigmoid, can center loss explode? What is the largest
#    value that it can have?
# 4. Would gradient clipping have saved R1? Try it in your head on the plainest reading.
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Its rule would be zero divided by zero. With $1 + n_j$ the numerator is zero, the denominator
#    one, and the center stays where it is.
# 2. Divide λ by 32; after doubling, by 64. A sum makes λ mean something else at each batch size, so
#    a value copied from a paper must come with its batch size. 3. No: probabilities differ by at
# most 1, so half the squared distance is at most one half. It can    only slow the classifier down,
# for it pulls every image to the mean of its class. 4. It would have kept the loss finite: a
# clipped step has a bounded length. But the pull would    still be far stronger than the
# cross-entropy, and it is the direction of the step that a clipped    gradient keeps. A smaller λ
# treats the cause. ```

# %%
chapter.close()
