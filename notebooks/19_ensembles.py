# ---
# jupyter:
#   dermbook:
#     chapter: ensembles
#     title: Ensembles
#     question: Are several models together better than the best of them, and who may choose them?
#     description: Votes, means, greedy selection, stacking, a mixture by class; nested selection
#     part: IV
#     needs: [cnn-from-scratch, random-search, transfer-learning, fine-tuning, residual-networks]
#     rows: ["1.12", "3.9"]
#     lessons: [M8]
#     accelerator: optional
#     minutes: {quick: 0.5, laptop: 32.8}
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
# # Ensembles
#
# **Question.** Are several models together better than the best of them, and who may choose them?
#
# Two models of the same accuracy err on different images. Where one is wrong, the others may
# outvote it. That is the whole idea of an ensemble, and R1 built its final answer on it: it tried
# votes and means of its best four networks, threw one out, and found the best three better. R3
# proposed another mixture: its small network for the classes with many images, its large one for
# those with few.
#
# R1 chose its members, their weights and their number on the images that it then reported. This
# chapter takes the predictions of the chapters before, trains one network again from other seeds,
# combines everything in every way the reports name and some they do not, lets the validation part
# choose, and measures how much R1's habit flatters.
#
# ## What you will be able to do
#
# - say what the same network is worth when it is trained once more;
# - combine models by votes, means, ranks, greedy selection and stacking, without mixing up rows;
# - choose between rules that were themselves fitted, by fitting them on some lesions and scoring
#   them on others;
# - tell an ensemble that is better from one that is luckier;
# - say what choosing on the test part does to the number that is reported.
#
# ## What it needs
#
# The predictions of *CNNs from scratch*, *Random search*, *Transfer learning*, *Fine-tuning* and
# *Residual networks*, on validation and test, and the recipe of the best network of *Fine-tuning*.
# A GPU helps with the networks that are trained again, and with nothing else. In the `quick`
# edition each of those chapters made a phantom of another size, so only models that saw the same
# images are combined.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of folds and resamples
again: list[int] = [1]  # seeds to train fine-tuning's best network from anew; [] for none
again_minutes: float = 12.0  # of training, at most, for each of them
sources: list[str] = []  # chapters to take models from; [] takes all that this one needs
metric: str = "balanced_accuracy"  # what is chosen by: balanced_accuracy or accuracy
rounds: int = 20  # steps of the greedy selection
bags: int = 15  # repetitions of the greedy selection, each on half of the candidates
top: int = 5  # members of the mean of the best
folds: int = 5  # of lesions of the validation part, to compare rules that are fitted on it
dealings: int = 3  # of the lesions into such folds; the rules are compared by their mean
large_model: str = "resnet18"  # the network for classes with many images (R3: ResNet18)
small_model: str = "resnet50"  # the network for the other classes (R3: ResNet50)
large_share: float = 0.1  # a class with at least this share of the images is large
resamples: int = 40  # of lesions, to measure what choosing flatters
viewed: str = "tiny-fine-tuned"  # a network that fine-tuning kept, to look several times
unlabelled: str = ""  # a collection without answers to predict, e.g. isic2018-test

# %% [markdown]
# ## The same network again
#
# The simplest ensemble needs no second idea: train the same network again. Another seed means
# another head to start from, another order of the images, other draws and turns; the weights end
# elsewhere, and so do some of the errors. Their average is the usual ensemble of deep networks
# {cite}`lakshminarayanan2017ensembles`, and their scores show how much of one score was luck of the
# seed. So the best network of *Fine-tuning* is trained by the very recipe in its Record, from the
# seeds `again`.

# %%
from dermbook import plots
from dermbook.evaluation.ensembles import optimism
from dermbook.publishing import ensembles, open_chapter, summaries

chapter = open_chapter("ensembles", globals())
networks = ensembles.train_again(chapter, again, minutes=again_minutes)
chapter.add_series("seeds", ensembles.seeds_table(chapter, networks, metric, seed=seed))
chapter.figure(
    "seeds",
    plots.head_ranking,
    metric=metric,
    chosen=False,
    caption="One recipe, several seeds: each network, and the means of the first two and more.",
    alt="A row a network and a mean: a hollow diamond for validation, a dot with an interval for "
    "the test.",
)

# %%
chapter.table(
    "seeds",
    caption="The same in numbers, with the accuracy on the test part. The gain is over the network "
    "of *Fine-tuning*, on the same lesions.",
    formats=dict.fromkeys(["validation", "test", "low", "high", "accuracy"], ".3f")
    | dict.fromkeys(["gain", "gain_low", "gain_high"], "+.3f"),
    folded=True,
)

# %% [markdown]
# ## Who may join
#
# Every model of the chapters before that left predictions of both parts is a candidate, and so is
# every network trained here. Predictions are joined on the image's id, and the joining refuses
# models that do not hold the same images, the same truth and the same classes. R0's stack went
# wrong in exactly this place (lesson M15).

# %%
pools, candidates = ensembles.gather(chapter, sources, networks)
pool, binary = ensembles.seven(pools), pools.get(ensembles.BINARY)
chapter.parameter_table()

# %%
chapter.add_series("candidates", candidates)
chapter.table(
    "candidates",
    caption="Every model of the chapters before, its balanced accuracy on validation, and whether "
    "it is a candidate.",
    formats={"score": ".3f"},
    filterable=True,
    folded=True,
)

# %% [markdown]
# ## Ways of combining
#
# - A *majority vote* counts decisions. Ties go to the tied class with the highest mean probability.
# - The *mean* of probabilities counts how sure a member is; *accuracy-weighted*, it listens more to
#   members that did well on validation, as R1's final ensemble did.
# - The *geometric mean* lets every member object: a class that one calls impossible stays unlikely.
# - The *rank mean* ignores how members are scaled and asks only how images stand to each other.
# - The *greedy selection* {cite}`caruana2004ensemble` adds, again and again, the member that helps
#   most on validation. A member may join several times and then weighs more. *Bagged*, it is
#   repeated on random halves of the candidates, and the weights are averaged.
# - *Stacking* {cite}`wolpert1992stacked` fits a logistic regression on the members'
#   log-probabilities. Its penalty is chosen in folds of whole lesions.
# - *Corrected* rules first divide each member's probabilities by the classes' shares to a power
#   chosen on validation {cite}`saerens2002adjusting`: balanced accuracy asks for every class alike,
#   and members that were trained without class weights learned that naevi are the safe answer.
#
# Some rules are fitted on the validation part, so their score there flatters them. To compare all
# of them, each is fitted on four fifths of the validation lesions and predicts the last fifth, in
# turn. How lesions are dealt into fifths is luck as well, and may count for more than what parts
# the best rules, so they are dealt anew `dealings` times. The rule with the best mean is the
# ensemble; then it is fitted on the whole validation part, and scored once on the test part.

# %%
with chapter.timing("rules"):
    fitted = ensembles.fit_rules(
        pool, metric=metric, top=top, rounds=rounds, bags=bags, folds=folds,
        dealings=dealings, seed=seed,
    )  # fmt: skip
chapter.add_series("rules", ensembles.rule_table(fitted, seed=seed))
chapter.figure(
    "rules",
    plots.head_ranking,
    metric=metric,
    caption="Every rule on all candidates: its score on validation lesions that it was not fitted "
    "on, and on the test part. The first one is chosen.",
    alt="A row a rule: a hollow diamond for validation, a dot with an interval for the test.",
)

# %%
chapter.table(
    "rules",
    caption="The same in numbers, with the least and the most of a dealing into folds on "
    "validation, and the accuracy on the test part.",
    formats=dict.fromkeys(
        ["validation", "least", "most", "test", "low", "high", "accuracy"], ".3f"
    ),
    folded=True,
)

# %%
ensembles.add_ensemble(chapter, fitted, seed=seed)

# %% [markdown]
# ## How many members
#
# R1 concluded that "a larger number of models is difficult to control". Below, predictions join one
# by one. On validation the greedy curve can only look good, for each step was chosen there. The
# test curve shows what is left of it.

# %%
chapter.add_series("curve", ensembles.member_curve(pool, metric=metric, rounds=rounds))
chapter.figure(
    "curve",
    plots.member_curves,
    metric=metric,
    caption="Score by the number of predictions averaged: greedy selection, and the mean of the "
    "best by validation. The diamond is what validation chooses.",
    alt="Two panels of two curves; the validation curve of the greedy selection lies above its "
    "test curve.",
)

# %%
chapter.add_series("members", ensembles.member_weights(pool, metric=metric, rounds=rounds))
chapter.table(
    "members",
    caption="The greedy selection's members, their weights and their own scores on validation.",
    formats={"weight": ".2f", "validation": ".3f"},
)

# %% [markdown]
# ## R1's best three and best four
#
# R1's question was *malignant or benign*, its score accuracy. It says that the best three beat the
# best four, and that the best four stay below the best single model. Both are differences between
# scores on one test part, so both can have an interval. Members and weights are chosen on
# validation here.

# %%
ensembles.add_binary(chapter, binary, seed=seed)

# %%
if "r1-shown" in chapter.record().series:
    chapter.figure(
        "r1-shown",
        plots.effect_intervals,
        metric="accuracy",
        caption="R1's statements: differences in accuracy on the test part, 95 % intervals over "
        "the same lesions.",
        alt="Three blocks of three intervals around zero.",
    )

# %%
if "r1" in chapter.record().series:
    chapter.table(
        "r1",
        caption="The same for other scores, and with members and weights chosen on the test part, "
        "as R1 did.",
        formats=dict.fromkeys(["first", "second", "value", "low", "high"], ".3f"),
        folded=True,
    )

# %% [markdown]
# ## R3's mixture
#
# R3 ends with a wish: ResNet18 for the classes with many images, ResNet50 for the others. But which
# network to ask cannot depend on the class, which is what we want to know. Two rules do without it:
#
# - *by decision*: where the network for large classes decides for a large class, its answer stands;
#   everywhere else the other one answers;
# - *by class*: the large classes' probabilities come from the one, the small ones' from the other,
#   and are scaled to sum to one.
#
# The plain mean of the two is the rival to beat, for it needs no idea at all.

# %%
ensembles.add_hybrid(
    chapter, large_model, small_model, large_share=large_share, metric=metric, seed=seed
)

# %%
chapter.figure(
    "hybrid",
    plots.effect_intervals,
    metric=metric,
    caption="Both mixtures against each network and against their plain mean, on the test part.",
    alt="Three blocks of two intervals around zero.",
)

# %% [markdown]
# ## Who chose
#
# Lesson M8. R1 had no validation part: checkpoints, members and weights were chosen on the test
# images and then reported on them. Choosing rewards luck as well as skill
# {cite}`cawley2010overfitting`, and the more there is to choose from, the more luck.
#
# Nor is this book without fault. An earlier version of this chapter had no networks trained again
# and dealt the lesions into folds once. Its ensemble scored lower on the same test part, and both
# were added when that was known. Nothing was chosen by a test score; but which version of a chapter
# is kept is a choice as well. Whoever needs a test part that nobody has looked at must take images
# from elsewhere.
#
# The validation part alone can tell how much. Draw lesions from it with replacement, choose on
# those drawn, and score what was chosen on them and on the lesions left out. The mean of all
# candidates chooses nothing and is the control: it should stay near zero.

# %%
with chapter.timing("optimism"):
    chapter.add_series(
        "optimism", optimism(pool.validation, metric=metric, resamples=resamples, seed=seed)
    )
chapter.figure(
    "optimism",
    plots.optimism_curves,
    metric=metric,
    caption="How much higher the score is on the lesions that chose than on lesions left out. "
    "Means over resamples; the bands are twice their standard error.",
    alt="Lines over the number of candidates; the control stays at zero, the others rise.",
)

# %%
chapter.table(
    "optimism",
    caption="The same in numbers; low and high hold 95 % of the resamples.",
    formats=dict.fromkeys(["chosen", "held_out", "optimism", "low", "high", "error"], ".3f"),
    folded=True,
)

# %% [markdown]
# And on the whole parts, once: what would we have reported, had the test part chosen? Nothing that
# is chosen here is used anywhere else. The best one can only gain, and the greedy selection, which
# tries its score at every step, nearly always does. The best three need not: they are the best each
# for itself, and nobody tried them together.

# %%
chapter.add_series(
    "selection", ensembles.selection_table(pool, metric=metric, rounds=rounds, seed=seed)
)
chapter.figure(
    "selection",
    plots.effect_intervals,
    metric=metric,
    caption="The test score when the test part chooses, minus the test score when validation "
    "chooses. Intervals are those of two fixed models and do not know who chose them.",
    alt="Three intervals beside zero, one a way of choosing.",
)

# %% [markdown]
# ## One network, several views
#
# Averaging over mirrorings of a picture is an ensemble, too: one network, up to four views
# {cite}`simonyan2015vgg`. A lesion has no left or right, so every mirroring is a picture that could
# have been taken. The best network of *Fine-tuning* is asked about each test picture as it is, then
# about its mirror image, then about the other two; two views cost twice as much time as one.

# %%
views = ensembles.views_table(
    chapter, viewed, [metric, "accuracy", "f1_macro", "log_loss"], seed=seed
)
chapter.add_series("views", views)
chapter.table(
    "views",
    caption="Test scores by number of views averaged, and the difference from one view. Of log "
    "loss, less is better.",
    formats={"value": ".3f", "difference": "+.3f", "low": "+.3f", "high": "+.3f"},
)

# %% [markdown]
# ## The official test images
#
# The ISIC 2018 challenge {cite}`codella2019isic2018` keeps the answers to its test images. Only
# some members predicted them. Those that did are combined by a greedy selection of their own, made
# on validation.

# %%
official = ensembles.predict_official(chapter, networks, unlabelled)
ensembles.submit(chapter, pool, unlabelled, metric=metric, rounds=rounds, own=official)

# %% [markdown]
# ## What we found

# %%
ensembles.add_findings(chapter, binary)
chapter.summary(summaries.ensembles)

# %%
chapter.findings_table()

# %% [markdown]
# ## Exercises
#
# 1. `dermbook run ensembles -p metric=accuracy`: which rule wins now, and what becomes of the
#    corrected rules?
# 2. A majority vote of four models of two classes can end two to two. What does our rule do then?
#    Find a case in which it differs from the mean.
# 3. Add a model to the candidates that only guesses. What happens to the mean, to the greedy
#    selection, and to the curve of optimism?
# 4. Ten models, all of accuracy .80. When does their vote reach .99, and when .80?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. By accuracy the naevi decide, so dividing by the classes' shares helps little or nothing: a
#    power near zero is chosen for most members, and the corrected rules come near the others.
# 2. It takes the class with the higher mean probability, so in a tie it agrees with the mean. They
#    differ where three members are barely for one class and the fourth is sure of the other.
# 3. The mean loses a little. The greedy selection does not choose it, unless it is lucky on
#    validation; and more candidates of this kind mean more luck: the curve rises.
# 4. Were their errors independent, a vote of ten would be right in over .96 of the images, and of
#    more models in .99. Models trained on the same images err on the same images; if they err on
#    exactly the same ones, the vote has .80, however many they are.
# ```

# %%
chapter.close()
