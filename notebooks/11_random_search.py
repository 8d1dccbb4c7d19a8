# ---
# jupyter:
#   dermbook:
#     chapter: random-search
#     title: Random search
#     question: Does trying many small networks at random find a better one, and is its score to be believed?
#     description: R1’s random grid search as a resumable, pruned study, and its two winners retrained
#     part: III
#     needs: []
#     rows: ["1.4", "1.5", "1.6"]
#     lessons: []
#     accelerator: optional
#     minutes: {quick: 0.9, laptop: 21.8}
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
# # Random search
#
# **Question.** Does trying many small networks at random find a better one, and is its score to be
# believed?
#
# A network has many settings: how many convolutions, how many filters, how much dropout. R1 wrote a
# list of values for each, drew combinations at random, trained each for a while, and kept the two
# best. That is a good plan: random draws beat a regular grid when few of the settings matter
# {cite}`bergstra2012random`. But R1 says neither how many were drawn nor how any of them scored.
# Here the same search runs as a study that can be killed and goes on, that stops hopeless
# trainings early, and that accounts for every draw. Then comes the question that a search always
# leaves: the winner is the best *on the images that chose it*. How much of that is luck?
#
# ## What you will be able to do
#
# - set up a search that survives a kill and that several processes can share;
# - say how good a search of half the size would have been, without running it;
# - measure how much the winner's score flatters it, before the test part is touched;
# - tell a setting that matters from one that merely looks so;
# - compare finalists fairly: same split, same budget, several seeds, paired intervals.
#
# ## What it needs
#
# No other chapter, though *CNNs from scratch* shows a single training. The `quick` edition searches
# on a small **phantom**; `laptop` searches on part of HAM10000 and trains the finalists on all of
# it, on two cores.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split, the draws, and the weights of every training
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 280  # how many pictures; 0 takes all of an imported collection
height: int = 54  # pixels; R1's first winner needs 53
width: int = 72  # pixels, of the images as the networks see them
malignant: list[str] = ["mel", "bcc", "akiec"]  # classes that count as malignant (R1's task)
samplers: list[str] = ["random"]  # random (R1's) and, to compare, tpe; each has the whole budget
filters: list[int] = [8, 16, 32]  # of each convolution: the values that are tried
search_images: int = 0  # of the train and validation parts, for the search; 0 takes all
search_epochs: int = 2  # passes of each training of the search
trials: int = 5  # trainings of a search, at most
budget_minutes: float = 7.0  # of training in a search, after which no other is begun
pruned_after: int = 1  # epochs before a training below the median may be stopped; 0: never
unpruned: int = 3  # trainings that come to their end before any is stopped
final_epochs: int = 2  # passes of the finalists over the training part, at most
patience: int = 4  # epochs of a finalist without a better validation ROC AUC
final_seeds: list[int] = [0, 1]  # of the finalists' weights; give three or more for intervals
batch_size: int = 32  # images a step
seven_classes: bool = False  # whether the setting found is trained for all classes, too
resamples: int = 500  # of lesions and seeds, behind the finalists' intervals

# %% [markdown]
# ## The images, and who may see them
#
# R1's task has two classes, malignant and benign. The search sees part of the training and
# validation lesions only; the finalists are trained on all. No image changes its part between the
# two, so what the search chooses has never seen a test image.

# %%
from dermbook import plots
from dermbook.data import (
    cached_images,
    class_counts,
    load_collection,
    load_split,
    malignant_or_benign,
)
from dermbook.publishing import open_chapter, random_search, summaries

chapter = open_chapter("random-search", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
split = load_split(lesions, seed=seed)
chapter.uses(lesions, split)
pixels = cached_images(lesions, height=height, width=width)
chapter.parameter_table()

# %%
two_classes = malignant_or_benign(lesions, malignant)
part = random_search.thinned(split, two_classes, search_images, seed=seed)
folder = chapter.output / "checkpoints" / chapter.name
chapter.add_series("parts", class_counts(part, two_classes))
chapter.table("parts", caption="Images of each class in each part, as the search has them.")

# %% [markdown]
# ## The grid
#
# R1 names what it varied and gives the values of its two winners. The other values are ours. With
# two to four values for each setting there are tens of thousands of combinations; nobody trains
# them all.

# %%
space = random_search.grid(filters)
chapter.add_series("grid", random_search.grid_table(space))
chapter.table(
    "grid",
    caption="What is varied, over which values, and what R1 says of its two winners.",
    of="reports",
)

# %% [markdown]
# Some combinations are impossible: four poolings by three leave nothing of a small picture. They
# are recognised before a network is built, counted, and cost no training. The same holds for a
# combination that comes up a second time.
#
# ## The search
#
# Each training reports its validation ROC AUC after every epoch. One that lies below the median of
# the others at the same epoch is stopped. Everything is written to a journal file, by Optuna
# {cite}`akiba2019optuna`: kill the run and start it again, and it goes on with the same draws,
# because draw number *k* depends on the seed and on *k* alone. Score and weights are those of the
# best epoch, with both classes counting alike in the loss.

# %%
bench = random_search.Bench(
    two_classes, part, pixels, folder, search_epochs, search_epochs, batch_size, seed
)
budget = {"trials": trials, "minutes": budget_minutes}
stopping = {"pruned_after": pruned_after, "unpruned": unpruned}
with chapter.timing("search"):
    searches = {
        sampler: random_search.run_search(bench, space, sampler=sampler, **budget, **stopping)
        for sampler in samplers
    }
found = random_search.best_found(searches)

# %%
chapter.add_series("outcomes", random_search.outcomes(searches))
chapter.table(
    "outcomes",
    caption="How the draws ended, and the seconds of training that they took.",
    formats={"seconds": ".0f"},
)

# %%
chapter.add_series("curves", random_search.curves(searches))
chapter.figure(
    "curves",
    plots.search_curves,
    caption="Validation ROC AUC of every training by epoch.",
    alt="A line a training; those below the median end early, in a cross.",
)

# %% [markdown]
# ## How long to search
#
# The red steps are the best so far. They depend on the order in which the draws happened to come.
# The mean over *all* orders does not, and it can be computed from the one search we have
# {cite}`dodge2019show`: the expected best of *n* draws. Where it has become flat, more draws of
# the same kind buy little.

# %%
chapter.add_series("course", random_search.courses(searches))
chapter.figure(
    "course",
    plots.search_course,
    caption="Every training in order, the best so far, and the expected best of so many.",
    alt="Dots a training, a rising step line, and a smooth curve that flattens.",
)

# %% [markdown]
# ## What mattered
#
# One panel a setting: each dot is a training, the red bar the median of those that share a value.

# %%
chapter.add_series("slices", random_search.slices(found))
chapter.figure(
    "slices",
    plots.search_slices,
    caption="Validation ROC AUC by the values of each setting.",
    alt="Panels of dots, one panel a setting, with a median bar for each value.",
)

# %% [markdown]
# A functional analysis of variance {cite}`hutter2014fanova` fits a forest to the scores and says
# which share of their variance each setting explains by itself. It always names *some* setting. So
# the scores are shuffled nineteen times, which leaves nothing to explain, and analysed again: a
# bar that does not pass the largest of these is no finding. One that passes may still be luck, once
# in twenty for each of the eleven settings.

# %%
chapter.add_series("importances", random_search.importance_table(found))
chapter.figure(
    "importances",
    plots.search_importances,
    caption="Share of the scores’ variance that each setting explains, and what chance gives.",
    alt="A bar a setting with a mark of the largest share that chance gave.",
)

# %% [markdown]
# ## The winner's score flatters it
#
# Of many networks that are equally good, the one with the best score is the luckiest. Choosing and
# scoring on the same images pays for luck {cite}`cawley2010overfitting`. The size of it can be
# foretold without the test part: let a resample of the validation lesions choose, and score the
# chosen network on the lesions that the resample left out.

# %%
chapter.add_series("flattery", random_search.flattery_table(found, seed=seed))
chapter.figure(
    "flattery",
    plots.selection_flattery,
    caption="The best of n networks, on the lesions that chose it and on lesions left out.",
    alt="Two curves over the number of networks; the upper one rises away from the lower one.",
)

# %% [markdown]
# Now the test part, once. The winner is trained once more, exactly as in the search, and predicts
# both parts.

# %%
within = bench.train(random_search.WITHIN, found.setting)
chapter.add_trial(within)
chapter.add_series("winner", random_search.winner_again(found, within))
chapter.table(
    "winner",
    caption="ROC AUC of the winner where it was chosen, and on the test part.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f"},
)

# %% [markdown]
# ## The finalists
#
# Our winner against R1's two, each trained on the whole training part with the same number of
# epochs and the same rule for the best one, under several seeds. R1's keep their own optimizers.

# %%
final = random_search.Bench(
    two_classes, split, pixels, folder, final_epochs, patience, batch_size, seed
)
with chapter.timing("finalists"):
    finalists = random_search.train_finalists(final, found.setting, final_seeds)
for trial in [trial for trials_of in finalists.values() for trial in trials_of]:
    chapter.add_trial(trial)

# %%
chapter.add_learning_curves([within, *(trials_of[0] for trials_of in finalists.values())])
chapter.figure(
    "learning-curves",
    plots.learning_curves,
    best="val_auc",
    caption="Learning curves of the winner in the search and of the finalists' first seed.",
    alt="Loss and accuracy by epoch for four networks, with the best epoch marked.",
)

# %%
scores, effects = random_search.final_tables(finalists, final_seeds, resamples=resamples, seed=seed)
chapter.add_series("final", scores)
chapter.figure(
    "final",
    plots.metric_intervals,
    caption="Test scores of the finalists, all seeds together, with 95 % intervals.",
    alt="Dots with intervals for three scores of each of the three finalists.",
)

# %% [markdown]
# Three intervals that overlap do not yet say that the networks are equal: all three meet the same
# images, and the difference has an interval of its own.

# %%
chapter.add_series("effects", effects)
chapter.figure(
    "effects",
    plots.effect_intervals,
    metric="roc_auc",
    caption="The network found against each of R1's winners: difference in test ROC AUC.",
    alt="Two differences with intervals beside zero.",
)

# %% [markdown]
# For all classes (only where `seven_classes` asks for it) the same setting gets a softmax.

# %%
for trial in random_search.train_seven(final, lesions, found.setting) if seven_classes else []:
    chapter.add_trial(trial)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.random_search)

# %%
random_search.add_findings(chapter, searches)
chapter.findings_table()

# %% [markdown]
# Every draw, best first. The settings of the first row are those of the network found.

# %%
chapter.add_series("draws", random_search.draws(searches))
chapter.table(
    "draws",
    caption="Every draw: how it ended, its score, and its settings.",
    formats={"value": ".3f", "seconds": ".1f"},
    filterable=True,
    folded=True,
)

# %% [markdown]
# ## Exercises
#
# 1. A search of 40 networks has found a validation ROC AUC of .86, and the expected best of 20 is
#    .857. Would you search on?
# 2. Run with `samplers='[random, tpe]'`. TPE {cite}`bergstra2011algorithms` prefers what resembles
#    the good ones so far. Does its importance chart mean the same as that of random draws?
# 3. R1 kept the best two by a score on images that then also judged them. Which of this chapter's
#    numbers says how much that may have flattered them?
# 4. Pruning stops the lower half after a few epochs. Which kind of setting does that disfavour, no
#    matter how good it would become?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Not with the same grid: doubling from 20 to 40 bought .003, and the next doubling will buy
#    less. Change what is searched instead.
# 2. It does not. fANOVA needs scores from all over the space; TPE crowds into one corner of it, so
#    a setting that it hardly varied any more seems not to matter.
# 3. The flattery at n networks: the gap between the two curves. It grows with n, and shrinks with
#    the number of validation lesions.
# 4. Slow starters: small learning rates, strong dropout, deep networks, SGD without momentum. More
#    epochs before the first stop (`pruned_after`) is the remedy, and costs time.
# ```

# %%
random_search.clear(searches)
chapter.close()
