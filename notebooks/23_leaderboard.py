# ---
# jupyter:
#   dermbook:
#     chapter: leaderboard
#     title: Leaderboard
#     question: Which model is best, and may these numbers stand next to each other?
#     description: Every model of the book beside every score of the reports, with provenance
#     part: V
#     needs: [input-pipelines, enhancement, cnn-from-scratch, random-search, transfer-learning, fine-tuning, residual-networks, multi-input, center-loss, segmentation, generation, ensembles, decisions-and-thresholds]
#     rows: ["1.16"]
#     lessons: []
#     accelerator: none
#     minutes: {quick: 0.2, laptop: 0.1}
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
# # Leaderboard
#
# **Question.** Which model is best, and may these numbers stand next to each other?
#
# Here is every model of the book beside every figure that the five reports state. A table of
# scores invites a race, so look at the other columns first. A score belongs to a task, to a way of
# splitting the data, and to a number of test images; two rows that differ in any of these did not
# run the same race.
#
# ## What you will be able to do
#
# - find the best model for a task, and see by how little it is best;
# - tell a clean protocol from one that lets test images leak into training;
# - say why the top of a long table is too good to be true;
# - trace a number back to its Record, its commit and its hardware.
#
# ## What it needs
#
# The Records of the chapters that score models: those published with the book, and those of this
# edition's own runs. A chapter without a Record is named near the end. No accelerator; seconds.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
phantoms: int = 3  # models measured on the phantom that a figure shows at most
claimed: int = 3  # figures of one report that a figure shows at most

# %% [markdown]
# ## In five seconds
#
# Filled dots are ours, on a split that keeps all photographs of a lesion together, with their 95 %
# intervals. Hollow diamonds are claims; what stands beside them in red is the lesson that tells why
# they are too high, or what else was measured. With so many models a figure can show only a few: of
# each chapter the one that was best on its **validation** part. Had we picked the best on the test
# part, luck would have helped to pick (lesson M8). Phantom runs are kept apart: they measure the
# code and not the medicine.

# %%
from dermbook import plots
from dermbook.publishing import leaderboard_page as page
from dermbook.publishing import open_chapter, summaries
from dermbook.publishing.leaderboard import largest_class
from dermbook.publishing.reported_figures import every_figure

chapter = open_chapter("leaderboard", globals())
board, validation = page.load(chapter)
page.add_best(chapter, board, validation, phantoms=phantoms, claimed=claimed)

# %%
chapter.figure(
    "seven-classes",
    plots.leaderboard_dots,
    of="everything",
    baseline=largest_class(edition, "7 classes"),
    caption="Accuracy on the test part, seven classes: of each chapter the model chosen in "
    "validation, of each report the highest claims. M1, M2, M3 and M11 are lessons of this book.",
    alt="Dots of accuracy by model: reported claims hollow and mostly above, ours with intervals.",
)

# %% [markdown]
# Accuracy is what all reports state, and it is a poor judge here: the dashed line is reached by
# always answering *naevus*. The mean over classes of the share recognised, the balanced accuracy,
# gives that answer one in seven.

# %%
chapter.figure(
    "seven-classes-balanced",
    plots.leaderboard_dots,
    of="everything",
    caption="Balanced accuracy on the test part, seven classes, of the same models. For the "
    "reports it is the macro recall that they print or that follows from their tables.",
    alt="Dots of balanced accuracy by model: two claims above, ours with intervals, two at chance.",
)

# %%
chapter.figure(
    "two-classes",
    plots.leaderboard_dots,
    of="everything",
    baseline=largest_class(edition, "malignant or benign"),
    caption="Accuracy on the test part, malignant or benign. R1 tested on a part with more "
    "malignant lesions than the collection has, so accuracies differ for that reason alone; "
    "weighting the classes for sensitivity costs accuracy, too.",
    alt="Dots of accuracy by model on the binary task: ours with intervals, claims hollow.",
)

# %% [markdown]
# ## Every model
#
# Sort by a column's head; type in the box to filter, for example *clean seven* or *leaky*; take the
# table with you as CSV. A commit with a plus sign was run on a checkout with uncommitted changes.
# *Sensitivity* and *precision* are of the malignant class. Arms of an experiment, small models made
# to be compared with each other only, stay in their chapters.
#
# A warning that goes with every leaderboard: the first of many is first in part by luck. The more
# models a table has, the more its top flatters. Read the interval, not the rank.

# %%
chapter.table(
    "board",
    of="everything",
    caption="Every classifier of the book and of the reports, on its test part.",
    filterable=True,
    downloadable=True,
)

# %% [markdown]
# Outlining lesions is another task with scores of its own, and its figures must not stand among
# those above. R3 does not name the part that it measured on.

# %%
chapter.table(
    "outlines",
    of="everything",
    caption="Segmentation: Dice and IoU, as means over pictures and of all pixels pooled.",
    filterable=True,
    downloadable=True,
)

# %% [markdown]
# ## Every figure of the reports
#
# Each single number that the reports print as a score, of any part and class; what follows from
# their own counts where that differs; and what the book measured under the nearest protocol.

# %%
chapter.add_series("figures", every_figure(edition))
chapter.table(
    "figures",
    of="everything",
    caption="Every score that the reports state, beside what was measured.",
    filterable=True,
    downloadable=True,
)

# %% [markdown]
# ## R1 and three methods of 2017
#
# R1 sets its final model, with a sensitivity of .82, an accuracy of 89 % and a precision of .81,
# above three models of Romero López and others {cite}`romerolopez2017`. Two things are in the way.
# R1's own confusion matrix, four counts on another page, gives other figures (lesson M10). And the
# two works used different collections, with different shares of malignant lesions, on which both
# accuracy and precision depend. Below them stand ours, chosen in validation, on yet another test
# part.

# %%
page.add_methods(chapter, board)
chapter.table(
    "three-methods",
    of="everything",
    caption="Malignant or benign: what R1 states and quotes, what its matrix gives, with Wilson "
    "intervals, and the models of this book that were chosen in validation.",
)

# %% [markdown]
# ## Every Record
#
# Where all this comes from. A Record without models holds counts, or experiments whose arms are
# compared within their chapter.

# %%
chapter.add_series("records", page.record_lines(edition))
chapter.table(
    "records",
    of="everything",
    caption="Every Record that this page was made from.",
    filterable=True,
    downloadable=True,
)

# %%
page.still_missing(edition)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.leaderboard)

# %%
page.add_finding(chapter)
chapter.findings_table()

# %% [markdown]
# ## Exercises
#
# 1. Sort the table by accuracy, then by balanced accuracy. Which models change places, and why?
# 2. Which two rows may be compared without any reservation? What do they share?
# 3. A claim's dot lies to the right of all of ours. Give three explanations that do not involve a
#    better model.
# 4. A hundred models are equally good; each is tested on the same 1,500 images, and their true
#    accuracy is .75. How high will the best of them score, about?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Those that favour the largest class: accuracy rewards it, balanced accuracy does not.
# 2. Rows of one chapter, edition and task: the same images, split, size and protocol.
# 3. Siblings of test lesions in training; a test part that chose the epoch or the ensemble; a test
#    part with another mix of classes. The lessons M2, M3, M8, M9 and M11 are about these.
# 4. One score has a standard deviation of $\sqrt{.75 \cdot .25 / 1500} = .011$. Of a hundred
#    independent ones the highest lies about 2.5 of these above the mean: .778. Models that make the
#    same mistakes vary less between each other, and the gain is smaller.
# ```

# %%
chapter.close()
