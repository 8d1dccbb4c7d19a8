# ---
# jupyter:
#   dermbook:
#     chapter: leaderboard
#     title: Leaderboard
#     question: Which model is best, and may these numbers stand next to each other?
#     description: Every model of the book beside every score of the reports, with provenance
#     part: V
#     needs: [cnn-from-scratch, decisions-and-thresholds]
#     rows: ["1.16"]
#     lessons: []
#     accelerator: none
#     minutes: {quick: 0.1, laptop: 0.1}
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
# Here is every model of the book beside every score that the five reports claim for a test part.
# A table of scores invites a race, so look at the other columns first. A score belongs to a task,
# to a way of splitting the data, and to a number of test images; two rows that differ in any of
# these did not run the same race.
#
# ## What you will be able to do
#
# - find the best model for a task, and see by how little it is best;
# - tell a clean protocol from one that lets test images leak into training;
# - trace a number back to its Record, its commit and its hardware.
#
# ## What it needs
#
# The Records of the chapters that score models. No accelerator; seconds.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu

# %% [markdown]
# ## In five seconds
#
# Filled dots are ours, with their intervals; hollow ones are the reports' claims, which come
# without. Phantom runs are kept apart: they measure the code and not the medicine.

# %%
from dermbook import plots
from dermbook.publishing import open_chapter, summaries
from dermbook.publishing.leaderboard import leaderboard, only

chapter = open_chapter("leaderboard", globals())
for needed in chapter.header.needs:
    chapter.needed_record(needed)
board = leaderboard(edition)
chapter.add_series("board", board)
chapter.add_series("seven-classes", only(board, "accuracy", "7 classes"))
chapter.figure(
    "seven-classes",
    plots.leaderboard_dots,
    of="everything",
    caption="Accuracy on the test part, seven classes. The claims come from splits that let a "
    "lesion stand in training and test at once; ours keep lesions together.",
    alt="Dots of accuracy by model: ours with intervals, the reports' claims hollow.",
)

# %%
chapter.add_series("two-classes", only(board, "accuracy", "malignant or benign"))
chapter.figure(
    "two-classes",
    plots.leaderboard_dots,
    of="everything",
    caption="Accuracy on the test part, malignant or benign. R1 tested on a part with more "
    "malignant lesions than the collection has, so accuracies differ for that reason alone.",
    alt="Dots of accuracy by model on the binary task: ours with intervals, claims hollow.",
)

# %% [markdown]
# ## Every score
#
# Sort by a column's head; type in the box to filter; take the table with you as CSV. A commit with
# a plus sign was run on a checkout with uncommitted changes.

# %%
chapter.table(
    "board",
    of="everything",
    caption="Every test score of the book and of the reports.",
    filterable=True,
    downloadable=True,
)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.leaderboard)

# %% [markdown]
# R1 compares itself with three models of Romero López and others (2017), who had another
# collection, another test part and another share of malignant lesions. The comparison cannot be
# made; the claims stand in the table above and in the [ledger](../book/ledger.md).

# %%
chapter.finding(
    "1.16",
    "cannot be compared",
    measured="the four rows are listed in the leaderboard",
    because="the models were tested on another collection than R1's",
)
chapter.findings_table()

# %% [markdown]
# ## Exercises
#
# 1. Sort the table by accuracy, then by balanced accuracy. Which models change places, and why?
# 2. Which two rows may be compared without any reservation? What do they share?
# 3. A claim's dot lies to the right of all of ours. Give three explanations that do not involve a
#    better model.
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Those that favour the largest class: accuracy rewards it, balanced accuracy does not.
# 2. Rows of one chapter, edition and task: the same images, split, size and protocol.
# 3. Siblings of test lesions in training; a test part that chose the epoch or the ensemble; a test
#    part with another mix of classes. The lessons M2, M3, M8, M9 and M11 are about these.
# ```

# %%
chapter.close()
