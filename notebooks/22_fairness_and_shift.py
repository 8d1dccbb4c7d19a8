# ---
# jupyter:
#   dermbook:
#     chapter: fairness-and-shift
#     title: Fairness and shift
#     question: For whom does a model work, and does it still work on pictures from elsewhere?
#     description: Scores by group, gaps against chance, another source, recognised sources, remedies
#     part: V
#     needs: [fine-tuning, transfer-learning, multi-input]
#     rows: []
#     lessons: [M16]
#     accelerator: none
#     minutes: {quick: 0.4, laptop: 0.9}
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
# # Fairness and shift
#
# **Question.** For whom does a model work, and does it still work on pictures from elsewhere?
#
# One score describes a model on one set of patients, photographed in a few places. Two things can
# hide behind it. The model may serve some patients worse than others: skin-image models have been
# found to do worse on dark skin {cite}`daneshjou2022disparities`. And it may have learned the place
# instead of the disease: R0 took photographs of two web atlases and never asked whether they differ
# (lesson M16).
#
# Both questions have an easy wrong answer. Split a test part into six groups, and the best will lie
# well above the worst even if chance is all that tells them apart. Train on one atlas, test on the
# other, and the score may fall because the other atlas shows other diseases. This chapter is about
# asking in such a way that the answer means something.
#
# ## What you will be able to do
#
# - score a model by group, and say which groups are too small to be judged;
# - take the mix of diseases out of a comparison, by direct standardisation;
# - tell a gap from the gap that chance makes;
# - measure what another source costs, at equal numbers of training images;
# - show that pictures give their source away, within one and the same disease;
# - say what a threshold a group, or weights a group, buys and what it costs.
#
# ## What it needs
#
# The predictions of *Fine-tuning* (the best network on HAM10000 {cite}`tschandl2018ham10000`) and
# of *Images and metadata* (its network with the image alone, on Fitzpatrick17k
# {cite}`groh2021fitzpatrick17k`), and one fixed vector an image, as in *Transfer learning*. No
# accelerator. In the `quick` edition both collections are **phantoms** and the vectors are plain
# pixels: it shows how to judge, not what is true of patients.
#
# Three limits to begin with. HAM10000 names no skin types and, in our copy, no hospital; age, sex,
# the place on the body and the kind of diagnosis are all that it tells. Of Fitzpatrick17k we have
# the photographs of a minority of its labels. And its skin types were read off the photographs by
# annotators, who disagree with each other {cite}`groh2022transparency`.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the collections, folds, resamples and permutations
collection: str = "phantom"  # with age, sex and place: phantom, or ham10000 once it is imported
images: int = 420  # how many pictures, as in fine-tuning; 0 takes all of an imported collection
height: int = 32  # pixels, of pictures before they become vectors; of the phantom as fine-tuned
width: int = 48  # pixels, likewise
clinical: str = "phantom-clinical"  # with skin types: or fitzpatrick17k once it is imported
clinical_images: int = 400  # how many of them, as in multi-input; 0 takes all
clinical_height: int = 48  # pixels, of these; of the phantom as in multi-input
clinical_width: int = 64  # pixels, likewise
backbone: str = "pixels"  # what makes the vectors: pixels, or a frozen network like mobilenetv2
weights: str = "imagenet"  # of that network: imagenet or random
model: str = "tiny-fine-tuned"  # the network of fine-tuning that is judged
clinical_model: str = "mi-clinical-image"  # the network of multi-input that is judged
malignant: list[str] = ["mel", "bcc", "akiec"]  # classes of the first collection that are malignant
sensitivity: float = 0.8  # that the threshold for malignant reaches on other images
least_lesions: int = 30  # a group with fewer lesions is shown and not judged
folds: int = 5  # in which every image is predicted by a head that saw no image of its lesion
components: int = 32  # principal components of the vectors that heads see
source: str = "sex"  # what counts as another source of the first collection: body site, sex, age
recognised: str = "kind of diagnosis"  # what its pictures may give away
shift_seeds: list[int] = [0, 1, 2]  # of the halves and of the images that are drawn
at_least: int = 3  # lesions of a class in every source, for it to be compared
within: int = 2  # classes within which the source is to be recognised
group: str = "age"  # of the first collection, for which remedies are tried
resamples: int = 200  # of lesions, behind intervals
permutations: int = 200  # of groups within classes

# %% [markdown]
# ## Who is in the data
#
# Before any score: whom do the pictures show? A group's share says how much it had to say in
# training, the number of its lesions how sure we can be of its score, and the share of malignant
# ones that groups are not alike.

# %%
from dermbook import plots
from dermbook.data import load_collection
from dermbook.evaluation.fairness import Rule
from dermbook.publishing import fairness_and_shift as tables
from dermbook.publishing import open_chapter, summaries
from dermbook.publishing.leakage import image_vectors

chapter = open_chapter("fairness-and-shift", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
conditions = tables.clinical_collection(
    clinical, images=clinical_images, height=clinical_height, width=clinical_width, seed=seed
)
chapter.uses(lesions)
chapter.uses(conditions)
chapter.parameter_table()

# %% [markdown]
# The test parts are small, and a group of a test part is smaller still. So beside the two networks
# we judge two linear heads on frozen vectors, *out of fold*: the images are cut into folds, lesions
# whole, and each is predicted by a head trained on the other folds. That gives a prediction for
# every image of the collection. It is a weaker model, but its groups are several times as large.

# %%
with chapter.timing("heads"):
    options = {"folds": folds, "components": components, "seed": seed}
    vectors = image_vectors(lesions, backbone, height=height, width=width, weights=weights)
    of_lesions = tables.judged(lesions, vectors, malignant, model="fs-head", **options)
    vectors = image_vectors(
        conditions, backbone, height=clinical_height, width=clinical_width, weights=weights
    )
    bad = tables.malignant_labels(conditions)
    of_conditions = tables.judged(conditions, vectors, bad, model="fs-clinical-head", **options)
for each in (of_lesions, of_conditions):
    chapter.add_predictions(each.predictions)

# %%
rule = Rule(lesions=least_lesions)
chapter.add_series("composition", tables.composition(of_lesions, of_conditions, rule=rule))
chapter.table(
    "composition",
    caption="Photographs, lesions, share of malignant ones and share of all, by group, in both "
    "collections. Fitzpatrick17k knows no lesions; there, each photograph counts as one.",
    formats={"malignant": ".2f", "share": ".2f"},
    filterable=True,
)

# %% [markdown]
# ## Scores by group
#
# Accuracy by group compares apples with pears: a group with many naevi is an easy group. Two scores
# take the mix out. **Balanced accuracy** over the classes that all groups share treats classes
# alike. **Standardised accuracy** gives every group the mix of all groups together, as
# epidemiologists compare death rates of a young and an old country
# {cite}`keiding2014standardization`. Where a group's two scores lie apart, its raw one speaks of
# its diseases. Sensitivity and specificity are for *malignant or not*, with a threshold that
# reaches the parameter `sensitivity` on other images: the validation part, or the other folds.
#
# Groups that are too small are shown hollow and are *not judged*. The rule, fixed before anything
# was scored: fewer lesions than `least_lesions`, or fewer than two classes; for sensitivity fewer
# than ten malignant lesions, for specificity fewer than ten benign ones. A class counts as shared
# if every judged group has three lesions of it. Values are computed by Fairlearn
# {cite}`weerts2023fairlearn`; intervals are 95 % over lesions.

# %%
parts = ("validation", "test")
networks = {
    model: tables.tested(
        of_lesions,
        *(chapter.needed_predictions("fine-tuning", model, part) for part in parts),
        sensitivity=sensitivity,
    ),
    clinical_model: tables.tested(
        of_conditions,
        *(chapter.needed_predictions("multi-input", clinical_model, part) for part in parts),
        sensitivity=sensitivity,
    ),
}
uses = {
    model: (of_lesions, networks[model]),
    clinical_model: (of_conditions, networks[clinical_model]),
    "fs-head": (of_lesions, of_lesions.outcomes(sensitivity)),
    "fs-clinical-head": (of_conditions, of_conditions.outcomes(sensitivity)),
}

# %%
with chapter.timing("groups"):
    chapter.add_series("groups", tables.groups_of(uses, rule=rule, resamples=resamples, seed=seed))
scores = chapter.series("groups")
chapter.add_series("groups-network", scores[scores["model"] == model])
chapter.figure(
    "groups-network",
    plots.group_scores,
    caption="Accuracy of the fine-tuned network on the test part by group, as it stands and for "
    "the same mix of classes.",
    alt="Dots with intervals by age, sex, place and kind of diagnosis; the two kinds of accuracy "
    "lie apart where groups differ in their diseases.",
)

# %%
chapter.add_series("groups-clinical", scores[scores["model"] == "fs-clinical-head"])
chapter.figure(
    "groups-clinical",
    plots.group_scores,
    metrics=["accuracy", "balanced_accuracy"],
    caption="Accuracy and balanced accuracy of the head on the clinical collection, all "
    "photographs out of fold, by skin type and web site.",
    alt="Dots with intervals by skin type one to six, in pairs of types, and by two web sites.",
)

# %%
chapter.table(
    "groups",
    caption="All scores by group: the two networks on their test parts, and the two heads out of "
    "fold. n: images that a score counts.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f"},
    filterable=True,
    folded=True,
)

# %% [markdown]
# ## A gap, or the gap that chance makes
#
# The usual summary is the gap: best group minus worst. It is never negative, and it grows with the
# number of groups and with their smallness. Below, every group has the *same* true sensitivity, and
# images are drawn at random.

# %%
with chapter.timing("gaps"):
    chapter.add_series(
        "gaps",
        tables.gaps_of(uses, rule=rule, resamples=resamples, permutations=permutations, seed=seed),
    )
chapter.add_series("gap-by-chance", tables.chance_gaps(chapter.series("gaps"), seed=seed))
chapter.figure(
    "gap-by-chance",
    plots.gap_by_chance,
    caption="Simulated: mean gap among groups that do not differ (thick), and the gap that one "
    "comparison in twenty exceeds (thin).",
    alt="Rising curves of the mean gap by the number of groups; small groups lie highest.",
)

# %% [markdown]
# So a gap needs something to be compared with. We give the groups' names to other lesions *of the
# same class*, again and again: sizes and mixes stay, and nothing but chance and the mix is left.
# The gray bars are what that makes. A gap well beyond its bar is one that the mix of classes does
# not explain. One model has many gaps, so the p-values are Holm's {cite}`holm1979` over all gaps of
# a model. The bootstrap's interval is biased upward, too, and does not replace the comparison: a
# resample is noisier than the sample, so its best and worst group lie further apart.

# %%
chapter.figure(
    "gaps",
    plots.gaps_and_chance,
    caption="Gaps of all four models in balanced accuracy and sensitivity, beside the gaps when "
    "groups are permuted within classes. Networks on their test parts, heads on all images.",
    alt="Dots with intervals over gray bars; few dots lie beyond their bar.",
)

# %%
chapter.table(
    "gaps",
    caption="Worst and best group, gap, interval, and the gap by chance. p_holm: over all gaps of "
    "the model.",
    formats=dict.fromkeys(
        [
            "lowest", "highest", "gap", "low", "high", "chance", "chance_high", "excess",
            "p_value", "p_holm",
        ],
        ".3f",
    ),
    filterable=True,
    folded=True,
)  # fmt: skip

# %% [markdown]
# A gap that is *not* shown is no proof of fairness: the length of an interval says which gaps
# could have been missed. And no group of these is a patient's only one. Old men with lesions on the
# face are in three of them.
#
# ## Do the pictures say where they come from?
#
# Now to the source. A linear head on the vectors is asked for the source instead of the disease.
# If it names it for *all* images, it may have recognised the disease, as sources differ in that. So
# we ask again among images of one single class. On HAM10000, whose sources our table does not name,
# the kind of diagnosis stands in: a naevus that was followed up for years comes from another series
# of photographs than one that was cut out. It was also another naevus, so there the head may have
# seen either.

# %%
recognised_of = {"first": (of_lesions, recognised), "clinical": (of_conditions, "web site")}
with chapter.timing("recognition"):
    chapter.add_series(
        "recognition",
        tables.recognition(
            recognised_of, at_least=at_least, classes=within, resamples=resamples, **options
        ),
    )
chapter.figure(
    "recognition",
    plots.source_recognition,
    caption="Balanced accuracy of naming the source from a picture's vector, out of fold, for all "
    "classes and within single ones, in both collections.",
    alt="Dots with intervals to the right of a mark of chance, also within single classes.",
)

# %% [markdown]
# That pictures tell their source is half of a confounder. The other half: does the source tell the
# disease? Here is a model without any picture. It knows the source, and names the label that this
# source has most of (for accuracy), or is richest in (for balanced accuracy).

# %%
chapter.add_series(
    "from-source",
    tables.from_source(recognised_of, folds=folds, resamples=resamples, seed=seed),
)
chapter.table(
    "from-source",
    caption="Naming the label from the source alone, in both collections, out of fold; and "
    "Cramér's V of source and label, with the highest of 100 shuffles.",
    formats=dict.fromkeys(["chance", "value", "low", "high", "cramers_v", "shuffled"], ".3f"),
)

# %% [markdown]
# ## What another source costs
#
# If a model leans on its source, it should do worse on another. For each source in turn, one half
# of its lesions is the test. One head is trained on the other half, one on the other sources, one
# on both in equal parts; all with the *same number of images of each class*, so that neither the
# size nor the mix of the training part can make the difference. Seeds draw new halves and new
# images. On HAM10000 the source is only another part of the body (in `quick`: the other sex): not
# another camera, but other skin and other patients.

# %%
with chapter.timing("shift"):
    found = tables.shift_tables(
        {"first": (of_lesions, source), "clinical": (of_conditions, "web site")},
        seeds=shift_seeds, at_least=at_least, components=components, resamples=resamples, seed=seed,
    )  # fmt: skip
chapter.add_series("shift", found[0])
chapter.add_series("shift-costs", found[1])
chapter.figure(
    "shift",
    plots.shift_scores,
    caption="Balanced accuracy on each source, by where the training images come from, at equal "
    "numbers of each class; both collections, classes that all sources share, 95 % intervals over "
    "lesions and seeds.",
    alt="Three dots with intervals a source; others lie left of its own where a shift costs.",
)

# %%
chapter.table(
    "shift-costs",
    caption="The differences, paired: the same test images and seeds.",
    formats=dict.fromkeys(["first", "second", "value", "low", "high"], ".3f"),
    filterable=True,
)

# %% [markdown]
# One caution about *its own source*. Both atlases show a patient more than once, and nobody wrote
# down which photographs belong together. Where another photograph of the same patient is in the
# training half, the own source looks better than it is, and the cost of the other one larger.
#
# ## What may help
#
# Two remedies, tried on the heads out of fold. **A threshold a group**: each group gets the
# threshold that reaches the same sensitivity on the other folds, so the gap in sensitivity closes
# almost by construction {cite}`hardt2016equality`. What does it cost? **Groups that weigh alike**:
# in training, each group counts as much as any other, however few images it has. Every change is
# paired: same lesions, before and after.

# %%
with chapter.timing("remedies"):
    chapter.add_series(
        "remedies",
        tables.remedies(
            {"first": (of_lesions, group), "clinical": (of_conditions, "skin, in pairs")},
            sensitivity=sensitivity, rule=rule, resamples=resamples, seed=seed,
        ),
    )  # fmt: skip
chapter.figure(
    "remedies",
    plots.remedy_changes,
    caption="What each remedy changes: the gap between groups, and the score of all images "
    "together. Both collections, all images out of fold, 95 % paired intervals over lesions.",
    alt="Two columns of dots around zero: changes of gaps on the left, of scores on the right.",
)

# %%
chapter.table(
    "remedies",
    caption="The same as numbers. Before: one threshold for all.",
    formats=dict.fromkeys(
        [
            "gap_before", "gap_after", "change", "low", "high", "overall_before", "overall_after",
            "overall_change", "overall_low", "overall_high",
        ],
        ".3f",
    ),
    filterable=True,
    folded=True,
)  # fmt: skip

# %% [markdown]
# A threshold a group needs the group of every future patient, and somebody who writes it down: an
# age is known, a skin type is an opinion. Equal sensitivity is also only one meaning of *fair*.
# Where groups differ in how frequent the disease is, one cannot have equal sensitivity, equal
# specificity and equally trustworthy probabilities at once {cite}`chouldechova2017fair`. Which one
# to give up is not for the model to decide.
#
# ## What we found
#
# The verdict follows a rule. M16 is *confirmed* here if the source is tied to the label more
# closely than in any shuffle, and if within each single class the pictures name their source with
# an interval above chance. The chapters *Data cleaning* and *Exploration* judge its other halves:
# the marks of quality, and the table alone.

# %%
tables.add_findings(chapter, conditions.name)
chapter.summary(summaries.fairness_and_shift)

# %%
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. Two groups of 50 malignant lesions, both with a true sensitivity of .8. How large is the gap on
#    average? And among six such groups? Read it off the figure, then compute the first.
# 2. A model's accuracy is .9 for patients under 30 and .6 for those over 75. Name a reason that is
#    not unfair, and the number that would tell.
# 3. A head names the web site of a photograph with a balanced accuracy of .9. Does the
#    classifier of diseases therefore use the site?
# 4. Run the chapter with `-p least_lesions=5`. Which gaps grow, and do their p-values fall?
# 5. Why must the threshold of a group be chosen on other images than those it is judged on?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. The difference of two independent proportions has the standard deviation √(2 · .8 · .2 / 50) =
#    .08; the mean of its absolute value is √(2/π) times that, .064. Among six groups the mean range
#    of normal deviates is about 2.5 standard deviations of *one* proportion, .057 each: .14.
# 2. Young patients have naevi, which every model knows; the old have cancers and keratoses.
#    Accuracy standardised to one mix of classes, or recall class by class, tells.
# 3. Not necessarily: the site is *there to be used*. Whether it is used shows in the cost of the
#    other source, or when pictures of one site are put into the style of the other.
# 4. The smallest groups now take part, so gaps grow. The permuted gaps grow with them, which is
#    why they are the right thing to compare with.
# 5. On its own images a threshold reaches the wanted sensitivity exactly, in every group, and the
#    gap is zero by construction. On other images it misses by as much as a small group is noisy.
# ```

# %%
chapter.close()
