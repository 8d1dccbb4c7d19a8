# ---
# jupyter:
#   dermbook:
#     chapter: decisions-and-thresholds
#     title: Decisions and thresholds
#     question: What does a model’s score mean once somebody has to decide?
#     description: Confusion matrices, chance, averages, thresholds by cost, calibration, intervals
#     part: V
#     needs: [cnn-from-scratch]
#     rows: ["1.14", "1.15", "4.10"]
#     lessons: [M1, M6, M10, M12]
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
# # Decisions and thresholds
#
# **Question.** What does a model's score mean once somebody has to decide?
#
# A network gives probabilities. A clinic needs a decision: send this patient for a biopsy or not.
# Between the two lie a threshold, a table of right and wrong decisions, and a choice of what to
# count. Four of our five reports stumbled there, each in another way, and none of them noticed.
# This chapter trains nothing. It takes the predictions of *CNNs from scratch*, image by image, and
# asks what may be said of them.
#
# ## What you will be able to do
#
# - rebuild every score from a confusion matrix, and see when a published one cannot be right;
# - recognise a result that is no better than chance, however high its accuracy;
# - choose a threshold by what mistakes cost, on the validation part, and keep to it;
# - put an interval on anything, including a class with a dozen test images;
# - tell a confident model from a trustworthy one.
#
# ## What it needs
#
# The predictions of *CNNs from scratch* on its validation and test parts. No accelerator; well
# under a minute.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of bootstrap resamples and permutations
model: str = "r2-cnn"  # the seven-class model judged here, of CNNs from scratch
binary_model: str = "one-conv-binary"  # the malignant-or-benign model judged here
permutations: int = 1000  # how often the truth is shuffled to see what chance can do
miss_costs: float = 10.0  # what a missed malignant lesion costs, in unnecessary biopsies
required_sensitivity: float = 0.9  # the sensitivity a threshold must reach on validation

# %% [markdown]
# ## Who was taken for whom
#
# A confusion matrix has the truth in its rows and the decision in its columns. Read along a row to
# see where a diagnosis goes; read down a column to see what hides behind a decision.

# %%
from dermbook import plots
from dermbook.evaluation import (
    confusion,
    confusion_frame,
    reliability_bins,
    roc_points,
    threshold_table,
)
from dermbook.publishing import decisions, open_chapter, summaries

chapter = open_chapter("decisions-and-thresholds", globals())
test = chapter.needed_predictions("cnn-from-scratch", model, "test")
binary_validation = chapter.needed_predictions("cnn-from-scratch", binary_model, "validation")
binary_test = chapter.needed_predictions("cnn-from-scratch", binary_model, "test")
chapter.parameter_table()

# %%
chapter.add_series("confusion", confusion_frame(confusion(test)))
chapter.figure(
    "confusion",
    plots.confusion_heatmap,
    caption="Confusion matrix of the seven-class model on the test part: images, and the row's "
    "percentage as the shade.",
    alt="Seven by seven matrix; the naevus column collects many images of other classes.",
)

# %% [markdown]
# ## One table, recomputed
#
# R1 published the confusion matrix of its best model and, under it, a precision and a recall. From
# the matrix anybody can compute both again. In the text's definitions false positives and false
# negatives had changed places, and one digit had slipped (lesson M10). Neither changes the model;
# both change what a reader believes of it.

# %%
chapter.add_series("r1-recomputed", decisions.r1_recomputed())
chapter.table(
    "r1-recomputed",
    of="reports",
    caption="R1's scores as printed, and as its own confusion matrix gives them, with Wilson "
    "intervals.",
)

# %% [markdown]
# ## Better than chance?
#
# R4's notebook says that its model is 87 % accurate, and shows a confusion matrix that is 43 %
# accurate. Both come from the same model and the same images. The matrix was made from predictions
# and labels that had been *shuffled against each other*: a generator gave the images in one order
# and the labels in another (lesson M1).
#
# Cohen's kappa {cite}`cohen1960kappa` tells such a table at once. It compares the agreement with
# what two independent columns of the same totals would reach: 0 is chance, whatever the accuracy.

# %%
chapter.add_series("chance", decisions.chance_table(test, permutations=permutations, seed=seed))
chapter.table(
    "chance",
    of="both",
    caption="Accuracy, the accuracy expected by chance, and kappa: R4's two published matrices, "
    "and our model before and after its labels were shuffled on purpose.",
)

# %%
chapter.add_series("kappas", decisions.kappa_histogram(test, permutations=permutations, seed=seed))
chapter.figure(
    "kappas",
    plots.kappa_histogram,
    caption="Kappa of our model (line) among the kappas that shuffled labels reach (bars).",
    alt="Histogram of kappa under shuffled labels around zero, and a line for the model's kappa.",
)

# %% [markdown]
# ## Three averages of one model
#
# F1 can be averaged three ways, and the choice decides who counts. *Micro* counts images, and in a
# single-label task it is nothing but accuracy under another name (lesson M6). *Weighted* counts
# classes by their size, so naevi decide. *Macro* counts classes alike, so the rare cancers have a
# voice.

# %%
chapter.add_metrics(decisions.averages(test), model=model, part="test")
chapter.add_series("averages", chapter.scores("test"))
chapter.figure(
    "averages",
    plots.metric_intervals,
    metrics=["accuracy", "f1_micro", "f1_weighted", "f1_macro", "balanced_accuracy"],
    caption="The same predictions, five averages. Accuracy and micro F1 are equal by definition.",
    alt="Five scores of one model; accuracy and micro F1 coincide, macro F1 is lowest.",
)

# %% [markdown]
# ## Eleven images
#
# R3 tested on eleven dermatofibromas and found six. How sure is *six of eleven*? The Wilson
# interval {cite}`wilson1927` answers for a proportion, however small the sample (lesson M12). Where
# the bars below are long, a difference between two models is a rumour.

# %%
chapter.add_series("recalls", decisions.recall_intervals(test))
chapter.figure(
    "recalls",
    plots.recall_intervals,
    of="both",
    caption="Recall of each class with its interval: R3's two published models, and ours. Wilson "
    "intervals for the published counts, lesion bootstrap for ours.",
    alt="Recall with intervals for seven classes; the rarest classes have the widest intervals.",
)

# %% [markdown]
# ## Choosing a threshold
#
# For *malignant or benign* the model gives one probability. The ROC curve shows every trade between
# missed cancers and unnecessary biopsies at once.

# %%
chapter.add_series("roc", roc_points(binary_test))
chapter.figure(
    "roc",
    plots.roc_curves,
    caption="ROC curve of the malignant-or-benign model on the test part.",
    alt="ROC curve above the diagonal of chance.",
)

# %% [markdown]
# A threshold of one half assumes that both mistakes cost the same. They do not. Below, a missed
# malignant lesion costs as much as `miss_costs` unnecessary biopsies; alternatively a guideline may
# require a sensitivity of `required_sensitivity`. Both thresholds are chosen on the *validation*
# part, and only then applied to the test part, once.

# %%
chapter.add_series(
    "tradeoff",
    threshold_table(binary_validation, "malignant", false_negative_cost=miss_costs),
)
chapter.figure(
    "tradeoff",
    plots.threshold_tradeoff,
    caption="Sensitivity, specificity, precision and F1 against the threshold, on the validation "
    "part.",
    alt="Curves of sensitivity falling and specificity rising with the threshold.",
)

# %%
chapter.add_series(
    "thresholds",
    decisions.chosen_thresholds(
        binary_validation,
        binary_test,
        "malignant",
        cost=miss_costs,
        sensitivity=required_sensitivity,
    ),
)
chapter.table(
    "thresholds",
    caption="Three thresholds chosen on the validation part, and what they do on the test part, "
    "with Wilson intervals.",
)

# %% [markdown]
# ## Confident, or right?
#
# When a model says 90 %, is it right nine times in ten? A reliability diagram sorts the predictions
# by confidence and asks. Below the diagonal, a model boasts.

# %%
chapter.add_series("reliability", reliability_bins(test))
chapter.figure(
    "reliability",
    plots.reliability_diagram,
    caption="Accuracy against confidence on the test part, in bins of confidence, with Wilson "
    "intervals.",
    alt="Reliability diagram of the seven-class model with intervals, beside the diagonal.",
)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.decisions)

# %%
decisions.add_findings(chapter)
chapter.findings_table()

# %% [markdown]
# ## Exercises
#
# 1. Halve `miss_costs`. Where does the threshold move, and what happens to the share of benign
#    lesions that are sent for a biopsy?
# 2. A paper reports an accuracy of .87 and a micro F1 of .86 for the same single-label test. What
#    do you write to its authors?
# 3. Two models find 6 and 8 of the same 11 dermatofibromas. Is the second better?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. `dermbook run decisions-and-thresholds -p miss_costs=5`. The threshold rises: misses are
#    cheaper, so fewer benign lesions are sent, and more cancers are missed.
# 2. That one of the two was not computed over the whole test part: in a single-label task they are
#    the same number. Averaging a score over batches is the usual cause.
# 3. The Wilson intervals overlap almost entirely. The test for the same images is McNemar's, and
#    it sees only the images on which they differ: at most a handful here.
# ```

# %%
chapter.close()
