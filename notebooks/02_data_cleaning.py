# ---
# jupyter:
#   dermbook:
#     chapter: data-cleaning
#     title: Data cleaning
#     question: Which images should a model never see, and how would we know?
#     description: Quality marks, broken files, missing values, copies and suspicious labels
#     part: I
#     needs: []
#     rows: ["0.1", "4.1"]
#     lessons: [M16, M17]
#     accelerator: none
#     minutes: {quick: 0.6, laptop: 7.5}
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
# # Data cleaning
#
# **Question.** Which images should a model never see, and how would we know?
#
# Of our five reports two cleaned their data, each with one rule. R0 dropped what a quality column
# called wrongly labelled. R4 filled the missing ages. Neither rule is wrong, and both stop short:
# the column covers few of the rows, and the filling value was computed from rows that the model
# should not have known. Nobody looked for the same picture filed twice.
#
# This chapter goes through the usual faults one by one. Each search is first judged on a
# **phantom** in which the faults were planted, so that we know how much it finds and how often it
# is wrong. Only then is it let loose on a collection.
#
# ## What you will be able to do
#
# - tell what a quality mark covers from what it does not;
# - find broken files, identical files and near copies, and say how sure you are;
# - choose a threshold on one collection and judge it on another;
# - rank labels by suspicion without calling a suspicion an error;
# - fit every statistic, down to a filling value, on the training part.
#
# ## What it needs
#
# No other chapter and no accelerator. The `quick` edition uses phantoms only. The `laptop` edition
# reads HAM10000 {cite}`tschandl2018ham10000` and Fitzpatrick17k {cite}`groh2021fitzpatrick17k`,
# both imported before, and the published weights of MobileNetV2 {cite}`sandler2018mobilenetv2`.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantoms, divisions and folds; thresholds are chosen on seed + 1
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 0  # how many pictures of an imported collection; 0 takes all
clinical: str = "phantom"  # phantom, or fitzpatrick17k once it is imported
height: int = 96  # pixels at which pictures are compared, and drawn if phantom
width: int = 128  # pixels at which pictures are compared, and drawn if phantom
phantom_images: int = 500  # pictures of each phantom with planted faults
label_noise: float = 0.05  # share of the phantom's labels that are wrong
exact_duplicates: int = 10  # identical copies planted under another lesion id
near_duplicates: int = 40  # re-framed, re-compressed copies planted under another lesion id
backbone: str = "plain"  # embedding: plain (no network), or a network such as mobilenetv2
weights: str = "imagenet-or-random"  # of that network: imagenet, random, imagenet-or-random
least_matches: int = 10  # matching keypoints from which a pair counts as confirmed
divisions: int = 200  # random divisions in the experiment on missing values
repeats: int = 60  # shuffles of the labels in the experiment on encodings

# %% [markdown]
# ## A collection with known faults
#
# The phantom draws lesions from a recipe. Here some of its labels are wrong on purpose, some
# pictures stand in it twice, and some are near copies of others: shifted and brightened a little,
# compressed again, and filed under another lesion. A second phantom, with other lesions, will
# serve to choose thresholds.

# %%
from dermbook import plots
from dermbook.data import cleaning as tools
from dermbook.data import phantom
from dermbook.publishing import cleaning, open_chapter, summaries

chapter = open_chapter("data-cleaning", globals())
size = {"height": height, "width": width}
faults = {"label_noise": label_noise, "exact_duplicates": exact_duplicates}
faults |= {"near_duplicates": near_duplicates}
faulty = phantom(phantom_images, seed=seed, **size, **faults)
other = phantom(phantom_images, seed=seed + 1, **size, **faults)
chapter.parameter_table()

# %% [markdown]
# ## What a quality mark covers
#
# Fitzpatrick17k comes with a column `qc`. Two dermatologists looked at a sample of the images and
# wrote down what they thought of each. R0 dropped the rows that say *3 Wrongly labelled*, and was
# done (row 0.1). Count how many rows say anything at all.

# %%
table = cleaning.clinical_table(clinical, images=1500, seed=seed)
chapter.add_series("qc", tools.qc_table(table))
chapter.table(
    "qc",
    caption="Rows by quality mark, with those that nobody reviewed.",
    formats={"percent": ".2f"},
)

# %% [markdown]
# The share of wrong labels among the reviewed rows has a wide interval, because few were
# reviewed. If the other rows were like them, the filter would leave `expected` wrong labels in
# place (lesson M16). That *if* is an assumption, which holds for a sample drawn at random from all
# rows; the second table lets you see whether the reviewed rows look like one.

# %%
chapter.add_series("qc-summary", cleaning.qc_summary(table))
chapter.table(
    "qc-summary",
    caption="What the filter sees: the share of wrong labels among reviewed rows (`value`, with a "
    "Wilson interval), how many that would be among the others, and what two rules leave.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f", "expected": ".0f"}
    | {"expected_low": ".0f", "expected_high": ".0f"},
)

# %%
chapter.add_series("qc-alike", cleaning.qc_alike(table))
chapter.table(
    "qc-alike",
    caption="Shares of the reviewed rows (`value`, with a Wilson interval) beside those of the "
    "`others`.",
    formats=dict.fromkeys(["value", "low", "high", "others"], ".3f"),
)

# %% [markdown]
# ## Files that are not what they seem
#
# A file may be cut short, be a PNG that calls itself a JPEG, have one channel, or another size
# than the rest. Decoders are polite and say nothing. The scan looks at the bytes. On the phantom
# we spoil a few files of each kind first; `real` counts the files of an imported collection
# (the import already refuses most of these, so expect zeros).

# %%
spoilt, truth = tools.plant_file_faults(faulty.where(ids=faulty.ids[:150]), each=3, seed=seed)
real = cleaning.real_collection(collection, images=images, seed=seed)
chapter.add_series("files", cleaning.files_table(spoilt, truth, real))
chapter.table(
    "files",
    of="both",
    caption="File faults: planted in the phantom, found there, false alarms there, and in the "
    "imported collection.",
)

# %% [markdown]
# ## Looking for copies
#
# Four searches propose pairs, from the plainest to the most careful:
#
# - a **perceptual hash**: 64 bits, the signs of the lowest cosine frequencies of a thumbnail
#   {cite}`zauner2010phash`, compared under all eight turns and mirrorings;
# - a **gradient hash**: 64 bits, is a pixel brighter than its left neighbour;
# - an **embedding**: a vector a picture, compared by its angle;
# - **visual words**: which rare bits of fine structure two pictures share
#   {cite}`sivic2003video`.
#
# Whatever they propose is then *checked*: keypoints of one picture (SIFT, {cite}`lowe2004sift`) are
# matched with the other's, and one shift, turn and zoom must carry many of them onto their
# partners. Lesion pictures are smooth and look alike; their fine structure does not.

# %%
options = {"backbone": backbone, "weights": weights, "least": least_matches, **size}
known = cleaning.search(faulty, seed=seed, **options)
tuning = cleaning.search(other, seed=seed, **options)
found = cleaning.subject(real, known, seed=seed, **options)
chapter.uses(found.collection)
chapter.add_series("exact", cleaning.exact_table(found.collection))
chapter.table("exact", caption="Byte-identical files, by a hash of their content.")

# %% [markdown]
# How good are the searches? On the phantom every copy is known. Precision is the share of proposed
# pairs that are copies, recall the share of the copies that is proposed. The line is the threshold
# that was best on the *other* phantom: a threshold chosen on the pairs it is judged by would look
# better than it is.

# %%
curves = cleaning.threshold_curves(known)
chosen = cleaning.chosen_thresholds(cleaning.threshold_curves(tuning), curves)
chapter.add_series("thresholds", cleaning.marked(curves, chosen))
chapter.figure(
    "thresholds",
    plots.copy_thresholds,
    of="phantom",
    caption="On the phantom: precision and recall of planted copies against the threshold of each "
    "search, with Wilson intervals, and the threshold chosen on another phantom.",
    alt="Four panels of precision and recall curves; keypoints reach both over a wide range.",
)

# %%
chapter.add_series("chosen", chosen)
chapter.table(
    "chosen",
    of="phantom",
    caption="On the phantom: each search at the threshold chosen on another phantom. `same_lesion` "
    "counts other photographs of one lesion, which are neither copies nor false alarms.",
    formats=dict.fromkeys(["f1_chosen", "f1", "precision", "recall", "threshold"], ".3g")
    | {f"{rate}_{end}": ".3f" for rate in ("precision", "recall") for end in ("low", "high")},
)

# %% [markdown]
# ## One lesion, two names
#
# Photographs of one lesion share a lesion id, so that a split can keep them together. The check
# cannot tell a copy from another photograph of the same lesion, and for a split it need not: under
# *different* ids both are leaks. Among unrelated pictures five matching keypoints are common, and
# each further one is rarer by a factor; that is the slope on the left. What stands on the right
# is not chance. Two more tests make a pair *confirmed*: it must match again in pictures of three
# quarters the size, which other keypoints describe; and the fine structure must agree in the whole
# frame that both share. A ruler or a watermark passes the count and fails there.

# %%
chapter.add_series("matches", cleaning.matches_table(found))
chapter.figure(
    "matches",
    plots.match_counts,
    least=least_matches,
    caption="Proposed pairs by the number of matching keypoints, for images under different lesion "
    "ids and under the same one. The scale of counts is logarithmic.",
    alt="Two histograms; different ids show a steep slope and a second group far to the right.",
)

# %%
chapter.add_series("searches", cleaning.across_counts(found))
chapter.table(
    "searches",
    caption="What each search contributed to the confirmed pairs under different lesion ids "
    "(`across`; `alone` by no other search; `conflicting` with different labels), and how many "
    "of the known pairs of one lesion are confirmed by the same rule.",
)

# %% [markdown]
# The rule has three parts: enough matches, some of them again at three quarters of the size, and
# fine structure that agrees over the whole common frame. The last two were added after a look at
# real pairs (labels that disagreed without reason; atlas watermarks that matched each other), so
# the agreement of labels is no independent proof of this list. The evidence below is.
#
# The pairs themselves, as numbers: no picture is needed to judge them, and none is shown. `detail`
# is the correlation of the fine structure after one picture was laid on the other. Near 1 it is
# the same photograph; around one half it is the same lesion, photographed again.

# %%
chapter.add_series("across", cleaning.across_table(found))
chapter.table(
    "across",
    caption="Confirmed pairs under different lesion ids, with their evidence.",
    formats=dict.fromkeys(["turn", "difference", "distance"], ".0f")
    | dict.fromkeys(["zoom", "overlap", "correlation", "detail", "ssim", "cosine"], ".2f"),
)

# %% [markdown]
# R0 saw that its clinical photographs already held turned and zoomed versions of one another, and
# called this existing augmentation (row 0.3, its figure 2). Here they are counted. Such copies are
# no gift: in a random split they fall on both sides.

# %%
photographs = cleaning.clinical_photographs(clinical, images=240, seed=seed, **size)
chapter.uses(photographs)
moved = cleaning.search(photographs, mirrored=True, least=least_matches, seed=seed, **size)
chapter.add_series("copy-kinds", cleaning.copy_kinds(moved))
chapter.table(
    "copy-kinds",
    caption="Confirmed pairs among the clinical photographs, by how one picture must be moved to "
    "lie on the other.",
)

# %% [markdown]
# ## Labels that a model does not believe
#
# Train a small classifier on the embedding of four fifths of the lesions, ask it about the last
# fifth, and go round. Each image then has a probability for its label from a model that never saw
# that lesion. A low one is a *suspicion*. Confident learning {cite}`northcutt2021confident`
# makes it a rule: an image is flagged when another class reaches its usual confidence.
#
# On the phantom the wrong labels are known, and so is the best possible order: the oracle reads
# the recipe of each lesion.

# %%
doubts = cleaning.doubt(known, seed=seed)
chapter.add_series("review", cleaning.review_curve(faulty, doubts))
chapter.figure(
    "review",
    plots.review_order,
    of="phantom",
    caption="On the phantom: share of the planted label errors met when the most suspicious images "
    "are reviewed first.",
    alt="Three curves; the oracle rises at once, the model more slowly, chance is the diagonal.",
)

# %%
chapter.add_series("review-scores", cleaning.review_scores(faulty, doubts))
chapter.table(
    "review-scores",
    of="phantom",
    caption="On the phantom: how many of the suspicious labels are planted errors, with Wilson "
    "intervals.",
    formats=dict.fromkeys(["value", "low", "high"], ".3f"),
)

# %% [markdown]
# The same rule on the collection. There is no truth here, so these are suspicions and nothing
# more. They gather in rare classes, because a model is bad at those. One might expect them where
# the diagnosis was *not* made by histology. Look whether that is so, and remember which classes
# are always sent to histology.

# %%
suspected = doubts if found is known else cleaning.doubt(found, seed=seed)
chapter.add_series("flagged", cleaning.flagged_table(found.collection, suspected))
chapter.figure(
    "flagged",
    plots.flagged_shares,
    caption="Share of labels that the rule flags, by class and by how the diagnosis was made, with "
    "Wilson intervals. Flagged does not mean wrong.",
    alt="Intervals of the flagged share; rare classes are flagged far more often than naevi.",
)

# %% [markdown]
# ## Missing values
#
# R4 filled its missing ages with the mean of all rows, and then divided the rows (lesson M17).
# Rows of the test part took part in that mean. How much does it matter? Here the rows are divided
# many times, and the mean of all rows is compared with the mean of the training part.

# %%
shifts = tools.fill_experiment(found.collection.table, "age", splits=divisions, seed=seed)
chapter.add_series("fill", cleaning.shift_histogram(shifts))
chapter.figure(
    "fill",
    plots.filling_shifts,
    caption="How far the mean age of all rows is from that of the training part, over many random "
    "divisions by lesion.",
    alt="Histogram of the shift in years, narrow and centred on zero.",
)

# %%
chapter.add_series("fill-summary", cleaning.fill_summary(shifts))
every = tools.fill_value(found.collection.table, "age", strategy="mean")
chapter.add_counts({"fill_all_rows": every}, of=found.collection)
chapter.table(
    "fill-summary",
    caption="The filling value in years from all rows, its shift against a training part (mean, "
    "central 95 % of the divisions, largest), and how many test rows are filled.",
    formats=dict.fromkeys(["all_rows", "shift", "low", "high", "largest", "filled"], ".3f"),
)

# %% [markdown]
# A small shift in a few rows: this slip is harmless. The habit is not. Replace each body site by
# the share of malignant lesions found there, a common way to feed categories to a model, and
# compute that share from all rows. To see what leaks, shuffle the labels first: now no category
# says anything, and an honest score must be .5.

# %%
chapter.add_series(
    "encoding",
    cleaning.encoding_summary(cleaning.encoding_of(found.collection, repeats=repeats, seed=seed)),
)
chapter.figure(
    "encoding",
    plots.encoding_scores,
    caption="ROC AUC on test rows of categories encoded by the share of malignant labels, when the "
    "labels were shuffled, with 95 % intervals of the mean over the shuffles.",
    alt="Encodings fitted on all rows score above one half; those fitted on train only do not.",
)

# %% [markdown]
# ## The report
#
# Cleaning is a list of rules with a count beside each. Suspicious labels are not among them: we do
# not drop what a model finds hard. Pairs of lesion ids can also be *merged* instead of dropped, so
# that a split keeps them together; that loses no image.

# %%
chapter.add_series("report", cleaning.report(found))
chapter.table("report", caption="The rules, one after the other: images before, dropped, kept.")

# %%
chapter.add_series("merged", cleaning.merged(found))
chapter.table(
    "merged",
    caption="Lesions before and after the ids of confirmed pairs are merged.",
)

# %% [markdown]
# A split that keeps lesion ids whole is only as good as the ids. This is the split that the rest of
# the book uses, audited by the ids and again by the merged ones.

# %%
chapter.add_series("split", cleaning.split_table(found, seed=seed))
chapter.table(
    "split",
    caption="Lesions that two parts of the split share: by lesion id, and after merging.",
)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.data_cleaning)

# %%
cleaning.add_findings(chapter)
chapter.findings_table()

# %% [markdown]
# ## Exercises
#
# 1. Lower `least_matches` to 7. How many pairs are added, and what do their labels tell you?
# 2. Why is the threshold of a search not chosen on the phantom that it is judged on, although
#    nothing was trained?
# 3. A colleague drops every flagged label before training and reports a better accuracy on what
#    is left. What happened?
# 4. Fill the missing ages with the median of each *class*. Why is that worse than the mean of all
#    rows?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. `dermbook run data-cleaning -p least_matches=7`. The added pairs come from the slope on the
#    left. Confirmed pairs nearly always agree about the label; pairs that match by chance agree
#    only as often as two random images do.
# 2. A threshold is a fitted number like any other. The best of twenty thresholds on one set of
#    pairs is best partly by luck, and a new set does not share the luck.
# 3. The test part was cleaned of what models find hard, so it became easier. Compare on the same,
#    untouched test part.
# 4. The class of a test image is what the model must find out. An age that was filled from it
#    carries the answer, and in practice it is not even available.
# ```

# %%
chapter.close()
