# ---
# jupyter:
#   dermbook:
#     chapter: decisions-and-thresholds
#     title: Decisions and thresholds
#     question: What does a model’s score mean once somebody has to decide?
#     description: Chance, averages, thresholds by cost, calibration, intervals, two models compared
#     part: V
#     needs: [transfer-learning, fine-tuning, residual-networks]
#     rows: ["1.14", "1.15", "4.6", "4.10"]
#     lessons: [M1, M6, M10, M12]
#     accelerator: none
#     minutes: {quick: 0.3, laptop: 0.2}
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
# This chapter trains nothing. It takes the predictions of the book's best single network, that of
# *Fine-tuning*, image by image, and asks what may be said of them.
#
# ## What you will be able to do
#
# - rebuild every score from a confusion matrix, and see when a published one cannot be right;
# - recognise a result that is no better than chance, however high its accuracy;
# - put an interval on anything, including a class with a dozen test images;
# - choose a threshold by what mistakes cost, on the validation part, and keep to it;
# - tell a confident model from a trustworthy one, and mend it with a single number;
# - test whether two models differ, and know what each test takes for granted.
#
# ## What it needs
#
# The predictions of *Fine-tuning*, *Transfer learning* and *Residual networks* on their validation
# and test parts. No accelerator; a minute or two. The `quick` edition judges networks that were
# trained for seconds on the **phantom**: its numbers show how to judge, and nothing worth judging.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of bootstrap resamples and permutations
model_chapter: str = "fine-tuning"  # the chapter that trained the seven-class model judged here
model: str = "tiny-fine-tuned"  # its name there
binary_chapter: str = "fine-tuning"  # the same of the malignant-or-benign model
binary_model: str = "tiny-fine-tuned"  # one of seven classes has its malignant ones added up
rival_chapter: str = "fine-tuning"  # the same of a model to compare binary_model with
rival_model: str = "ft-best"  # of the same test images, and as many classes
malignant: list[str] = ["mel", "bcc", "akiec"]  # classes that count as malignant (R1's task)
networks: list[str] = ["resnet18", "resnet50"]  # two of residual-networks, for McNemar's test
permutations: int = 1000  # how often the truth is shuffled to see what chance can do
miss_costs: float = 10.0  # what a missed malignant lesion costs, in unnecessary biopsies
required_sensitivity: float = 0.9  # the sensitivity a threshold must reach on validation
resamples: int = 1000  # of lesions, behind bands and paired intervals

# %% [markdown]
# ## Who was taken for whom
#
# A confusion matrix has the truth in its rows and the decision in its columns. Read along a row to
# see where a diagnosis goes; read down a column to see what hides behind a decision.

# %%
from dermbook import plots
from dermbook.evaluation import confusion, confusion_frame, score, threshold_table
from dermbook.evaluation.coverage import coverage
from dermbook.evaluation.merging import in_two
from dermbook.publishing import decisions, open_chapter, summaries

chapter = open_chapter("decisions-and-thresholds", globals())
validation, test = (
    chapter.needed_predictions(model_chapter, model, part) for part in ("validation", "test")
)
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
# R4 printed such matrices, normalised by row, and reports of precision and recall for each class
# (row 4.10). Here is our report, with what R4's lacks: an interval on every number.

# %%
scores = score(test)
chapter.add_series("report", decisions.class_report(test, scores))
chapter.table(
    "report",
    shape=summaries.class_scores,
    caption="Precision, recall and F1 of each class on the test part, with 95 % intervals over "
    "lesions.",
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
# Look at its rows: whatever the truth, the model seems to answer alike.

# %%
chapter.add_series("r4-confusion", decisions.r4_confusion())
chapter.figure(
    "r4-confusion",
    plots.confusion_heatmap,
    of="reports",
    caption="The confusion matrix R4 printed of ResNet50V2. Its rows have much the same shades.",
    alt="Seven by seven matrix whose rows all have the same distribution over columns.",
)

# %% [markdown]
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
chapter.add_metrics(decisions.averages(test, scores), model=model, part="test")
chapter.add_series("averages", chapter.scores("test"))
chapter.figure(
    "averages",
    plots.metric_intervals,
    metrics=["accuracy", "f1_micro", "f1_weighted", "f1_macro", "balanced_accuracy"],
    caption="The same predictions, five averages. Accuracy and micro F1 are equal by definition.",
    alt="Five scores of one model; accuracy and micro F1 coincide, macro F1 is lowest.",
)

# %% [markdown]
# ## Scores of one's own making
#
# R4 wrote its own precision, recall and F1 for Keras to print after each epoch and to draw in
# TensorBoard (row 4.6). Three things happened to them. A helper meant for a single output cuts the
# seven columns down to the second, which is `bcc` in alphabetical order. Keras then averages the
# function over batches, and a batch of 16 without a basal cell carcinoma counts as zero. F1 was not
# cut, so it is that of all classes together, close to accuracy, while the text explains the macro
# average. Below, the same functions meet our predictions. In this book a score is computed once,
# from all images of a part; what is drawn by epoch is counted over the whole epoch.

# %%
chapter.add_series("own-metrics", decisions.r4_metrics(test))
chapter.table(
    "own-metrics",
    caption="R4's metrics on our predictions: as a mean over batches of 16, as R4 has it; the same "
    "counted over the whole part; and the macro average that their names suggest.",
)

# %% [markdown]
# ## Eleven images
#
# R3 tested on eleven dermatofibromas and found six. How sure is *six of eleven*? The Wilson
# interval {cite}`wilson1927` answers for a proportion, however small the sample (lesson M12). Where
# the bars below are long, a difference between two models is a rumour.

# %%
chapter.add_series("recalls", decisions.recall_intervals(test, scores))
chapter.figure(
    "recalls",
    plots.recall_intervals,
    of="both",
    caption="Recall of each class with its interval: R3's two published models, and ours. Wilson "
    "intervals for the published counts, lesion bootstrap for ours.",
    alt="Recall with intervals for seven classes; the rarest classes have the widest intervals.",
)

# %% [markdown]
# Why Wilson, and not the interval of the textbook, p ± 1.96 √(p(1 − p)/n), or a bootstrap? With six
# of eleven the three look alike. With eleven of eleven the other two shrink to a point, as if one
# could be sure after eleven images. The honest way to choose is to count: for each true
# proportion, how often does the interval hold it? With eleven images there are twelve possible
# outcomes, so the answer is a finite sum and needs no simulation {cite}`brown2001interval`.

# %%
chapter.add_series("rare-class", decisions.rare_intervals(test, resamples=resamples, seed=seed))
chapter.figure(
    "rare-class",
    plots.rare_class_intervals,
    of="both",
    caption="The rarest class of R3's test part and of ours, with the interval of each method.",
    alt="Intervals of recall for a rare class by method, a block for each model.",
)

# %%
chapter.add_series("coverage", coverage(int(chapter.series("rare-class")["images"].iloc[0])))
chapter.figure(
    "coverage",
    plots.coverage_curves,
    of="reports",
    caption="How often a 95 % interval of eleven images holds the true proportion, computed "
    "exactly. The bootstrap is that of infinitely many resamples.",
    alt="Coverage of three intervals by true proportion; only Wilson's stays near 95 per cent.",
)

# %% [markdown]
# ## Choosing a threshold
#
# *Malignant or benign* is another question to the same model: the probabilities of the malignant
# classes add up to one number. The ROC curve shows every trade between missed cancers and
# unnecessary biopsies at once. Where few lesions are malignant, the precision-recall curve is the
# harder judge {cite}`saito2015precision`: it asks how many of those sent for a biopsy had to be.
# The bands come from resampling lesions, all photographs of a lesion together.

# %%
binary_validation, binary = (
    in_two(chapter.needed_predictions(binary_chapter, binary_model, part), malignant)
    for part in ("validation", "test")
)
chapter.add_series("areas", decisions.areas(binary))
areas = chapter.series("areas")
chapter.add_series("roc", decisions.roc_band(binary, areas, resamples=resamples, seed=seed))
chapter.figure(
    "roc",
    plots.roc_curves,
    caption="ROC curve of the malignant-or-benign model on the test part, with a 95 % band over "
    "lesions.",
    alt="ROC curve with a band, above the diagonal of chance.",
)

# %%
chapter.add_series("pr", decisions.pr_band(binary, areas, resamples=resamples, seed=seed))
chapter.figure(
    "pr",
    plots.pr_curves,
    caption="Precision against recall of the same model, with a 95 % band over lesions.",
    alt="Precision falling with recall, with a band, above the line of the prevalence.",
)

# %%
chapter.table(
    "areas",
    caption="Areas under the two curves with 95 % intervals: by DeLong's method, images or lesions "
    "taken as independent, and by the bootstrap of lesions.",
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
        binary,
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
# by confidence and asks: in each bin, how many were right? Below the diagonal a model boasts, above
# it a model is too modest. The *calibration error* is the mean distance from the diagonal.
#
# A network that boasts can be cooled. Divide its logits by one number, the *temperature*, before
# the softmax, and every probability moves towards the middle (above 1) or to the ends (below 1)
# {cite}`guo2017calibration`. The order of the classes stays, so no decision changes, which the last
# column checks. The temperature is fitted on the validation part by log loss. Whether it helps is
# for the test part to say, before and after on the same resamples of lesions. Trust the log loss
# and the Brier score more than the calibration error: chance alone moves every bin off the
# diagonal, in a resample more than in the sample, so its intervals lean towards *no better*.
#
# The best network learned from smoothed labels, which takes confidence away beforehand. So a second
# network stands beside it, `rival_model`, with which it will be compared below.

# %%
rival_validation, rival = (
    chapter.needed_predictions(rival_chapter, rival_model, part) for part in ("validation", "test")
)
parts = (validation, binary_validation, rival_validation)
chapter.add_series(
    "temperatures", decisions.temperatures(parts, resamples=resamples // 5, seed=seed)
)
chapter.table(
    "temperatures",
    caption="Temperatures fitted on the validation part, with 95 % intervals over lesions.",
)

# %%
fitted = chapter.series("temperatures")
chapter.add_series(
    "temperature-effects",
    decisions.temperature_effects([test, binary, rival], fitted, resamples=resamples, seed=seed),
)
chapter.table(
    "temperature-effects",
    caption="Calibration on the test part before and after temperature scaling: the difference "
    "with its 95 % interval, and how many decisions changed. Lower is better but for accuracy.",
)

# %%
temperature = float(fitted["temperature"].iloc[0])
chapter.add_series("reliability-pair", decisions.reliability_pair(test, temperature))
chapter.figure(
    "reliability-pair",
    plots.reliability_pair,
    caption="The seven-class model on the test part before and after temperature scaling.",
    alt="Two lines of accuracy against confidence, before and after, beside the diagonal.",
)

# %% [markdown]
# ## Which of two models?
#
# Two models met the same images, so compare them image by image. Three tests do. *McNemar's*
# {cite}`mcnemar1947` looks only at images that one model gets right and the other wrong, and asks
# whether that is a fair coin; its exact p-value is on the cautious side, the mid-p less so
# {cite}`fagerland2013mcnemar`. *DeLong's* {cite}`delong1988` compares two areas under ROC curves,
# whose errors are correlated because the images are the same; sorting makes it fast
# {cite}`sun2014delong`. The *paired bootstrap* gives an interval of any difference.
#
# McNemar and DeLong take images as independent. Ours are not: many lesions were photographed
# several times, and a model that errs on one photograph tends to err on the next. So each test
# stands here twice, once with the image and once with the lesion as its unit: McNemar by letting
# the two models change places in whole lesions, DeLong by adding up what the photographs of a
# lesion contribute {cite}`obuchowski1997clustered`, the bootstrap by drawing lesions.

# %%
first, second = (chapter.needed_predictions("residual-networks", name, "test") for name in networks)
chapter.add_series("discordant", decisions.discordant(first, second, decisions.rarest_class(first)))
chapter.table(
    "discordant",
    caption="How many test images both, one or neither of two residual networks gets right, of all "
    "classes and of the rarest one, and McNemar's test of it (lesson M12).",
)

# %%
pairs = ((first, second), (in_two(rival, malignant), binary))
chapter.add_series("paired-tests", decisions.all_tests(pairs, resamples=resamples, seed=seed))
chapter.figure(
    "paired-tests",
    plots.paired_tests,
    caption="Differences between two models on the same test images by every test: the residual "
    "networks on seven classes, and two models on malignant or benign.",
    alt="Differences with intervals and p-values, by test and by what is taken as independent.",
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
# 4. If a model's probabilities were true, which threshold would be cheapest when a miss costs
#    `miss_costs` false alarms? Compare it with the one chosen on validation.
# 5. A network is trained on a collection of which every image was stored twice. What happens to
#    the p-value of McNemar's test on the doubled test part, and what to the lesion's?
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
# 4. Sending costs 1 − p, waiting costs p times `miss_costs`: send from p = 1 / (1 + `miss_costs`)
#    on, .09 at 10. A chosen threshold far from it says that the probabilities are not true.
# 5. Every discordant image counts twice, so McNemar's p falls although nothing was learned. With
#    the lesion as the unit the pair of copies changes places together, and p stays.
# ```

# %%
chapter.close()
