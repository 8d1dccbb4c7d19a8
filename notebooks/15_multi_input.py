# ---
# jupyter:
#   dermbook:
#     chapter: multi-input
#     title: Images and metadata
#     question: What do age, site or skin type add to the picture, and what only seems to add?
#     description: Networks with two inputs, a stack with XGBoost, leaked labels, rows out of step
#     part: III
#     needs: []
#     rows: ["0.8", "0.12", "0.13", "0.16"]
#     lessons: [M14, M15, M17]
#     accelerator: none
#     minutes: {quick: 1.5, laptop: 33.8}
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
# # Images and metadata
#
# **Question.** What do age, site or skin type add to the picture, and what only seems to add?
#
# A dermatologist knows more than the picture: how old the patient is, where the lesion sits. A
# network can be told, too. R0's best score came from a network with two inputs: EfficientNetB3
# {cite}`tan2019efficientnet` for the photograph, a small dense network for columns of the table,
# and dense layers on both. A second one, in which dense layers stacked a CNN and XGBoost
# {cite}`chen2016xgboost`, scored about what naming the largest class scores. Both results have a
# second explanation. Two of the three columns are *coarser labels*, made from the answer (lesson
# M14). And two models' predictions can only be stacked if row 17 of the one and row 17 of the
# other are the same image (lesson M15).
#
# ## What you will be able to do
#
# - turn metadata into numbers so that a gap or a new category breaks nothing;
# - build a network with two inputs, and compare it fairly with either input alone;
# - tell metadata that a clinic would have from metadata that contains the answer;
# - stack two models on predictions that neither of them was trained on;
# - recognise rows out of step by the score they leave.
#
# ## What it needs
#
# No other chapter and no accelerator: the picture is one fixed vector an image. In the `quick`
# edition these are plain pixels of two **phantoms**; in `laptop` a frozen MobileNetV2
# {cite}`sandler2018mobilenetv2` makes them from HAM10000 {cite}`tschandl2018ham10000` and
# Fitzpatrick17k {cite}`groh2021fitzpatrick17k`. Of the latter only those photographs are used that
# are at hand, with far fewer than its 114 labels, so R0's scores and ours cannot be compared. What
# can be compared is one network with another on equal terms.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantoms and the bootstrap
collection: str = "phantom"  # with age, sex and site: phantom, or ham10000 once it is imported
images: int = 700  # how many pictures; 0 takes all of an imported collection
clinical: str = "phantom-clinical"  # with coarser labels; or fitzpatrick17k once it is imported
clinical_images: int = 700  # how many of them; 0 takes all of an imported collection
height: int = 48  # pixels, of pictures before they become vectors
width: int = 64  # pixels, of pictures before they become vectors
backbone: str = "pixels"  # what makes the vectors: pixels, or a frozen network like mobilenetv2
weights: str = "imagenet"  # of that network: imagenet or random
arms: list[str] = ["all"]  # inputs that are compared on the first collection
clinical_arms: list[str] = ["all"]  # likewise, on the one with coarser labels
seeds: list[int] = [0, 1, 2]  # of the splits, first weights and order of images
epochs: int = 40  # passes over the training part, at most
batch_size: int = 64  # images a step
learning_rate: float = 0.001  # of Adam
patience: int = 2  # epochs without a better validation loss before training stops (R0's)
ways: list[str] = ["all"]  # in which the stack is put together
rounds: list[int] = [30, 100]  # of the grid search: trees a class
depths: list[int] = [2, 4]  # of the grid search: levels of a tree
rates: list[float] = [0.1, 0.3]  # of the grid search: learning rates
folds: int = 5  # in which the training part is predicted out of fold
search_folds: int = 3  # of the grid search
stack_epochs: int = 100  # of the stack, at most
first_stack: bool = True  # whether the first collection gets a stack, too

# %% [markdown]
# ## Two collections, divided by lesion
#
# Every seed divides the lesions anew; of Fitzpatrick17k, whose table names no lesions or patients,
# the photographs, with byte-identical ones kept together. The table checks the first split. What
# it cannot see are cropped, turned or brightened copies, which the chapter *Data cleaning* looks
# for; where such copies lie on both sides, they flatter everything that sees the image.

# %%
from dermbook import plots
from dermbook.data import load_collection
from dermbook.evaluation.multi_input.arms import Recipe, train_arms
from dermbook.evaluation.multi_input.stacking import JOINED, chosen_ways
from dermbook.evaluation.paired import seed_splits
from dermbook.publishing import multi_input, open_chapter, summaries
from dermbook.publishing.leakage import batch_vectors

chapter = open_chapter("multi-input", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
conditions = multi_input.clinical_collection(
    clinical, images=clinical_images, height=height, width=width, seed=seed
)
splits, clinical_splits = seed_splits(lesions, seeds), seed_splits(conditions, seeds)
first, clinical_first = splits[seeds[0]], clinical_splits[seeds[0]]
chapter.uses(lesions, first)
chapter.uses(conditions, clinical_first)
chapter.parameter_table()

# %%
chapter.add_series(
    "audit",
    multi_input.check_table(
        {lesions.name: (lesions, first), conditions.name: (conditions, clinical_first)}
    ),
)
chapter.table("audit", caption="What each pair of parts shares. Zeros are what a test needs.")

# %%
with chapter.timing("vectors"):
    vectors, clinical_vectors = (
        batch_vectors(each, backbone, height=height, width=width, weights=weights)
        for each in (lesions, conditions)
    )

# %% [markdown]
# ## Metadata as numbers
#
# A network wants numbers without gaps. Categories become one column each, 1 or 0. A gap is a
# category of its own, because *nobody wrote it down* can mean something. Age becomes its distance
# from the mean in standard deviations, gaps get the median, and a second column says that there
# was one. Median, mean and the list of categories come from the **training part**: what comes
# later may hold a category that nobody had seen, and then all its columns are 0. A skin type is a
# number on paper, but four is not twice two, so it is a category here.

# %%
chapter.add_series(
    "encoding",
    multi_input.encoding_table(
        {
            lesions.name: (lesions, first, ["age", "sex", "localization", "dx_type"]),
            conditions.name: (conditions, clinical_first, multi_input.R0_COLUMNS),
        }
    ),
)
chapter.table(
    "encoding",
    caption="Each column: gaps in the training part, columns it becomes, and other images whose "
    "category no training image has.",
)

# %% [markdown]
# ## One network, different inputs
#
# Two dense layers act on the columns; the result is put beside the image's vector; a dense layer
# and a softmax follow, with dropout {cite}`srivastava2014dropout` after each layer. It is R0's
# plan. The whole network, from pixels on, is in the registry: `build("multi-input", (192, 290, 3),
# 114, features=18)` has EfficientNetB3 with its last two layers unfrozen. Here everything up to
# the vector is frozen, so that dozens of trainings take minutes.
#
# Arms differ in their inputs and in nothing else. Training stops after `patience` epochs without a
# better validation loss, R0's rule, and the test part chooses nothing. Intervals are 95 %, over
# lesions and seeds; differences are paired: both arms meet the same lesions and seeds.

# %%
recipe = Recipe(
    epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, patience=patience,
    checkpoints=chapter.output / "checkpoints" / chapter.name,
)  # fmt: skip
chosen = multi_input.chosen_arms(multi_input.DERMOSCOPIC, arms)
with chapter.timing("arms"):
    trials = train_arms(
        chosen, vectors, lesions, splits, recipe, names=multi_input.model_names(chosen)
    )

# %%
needed = (multi_input.IMAGE, multi_input.SKIN_ARM, multi_input.R0_ARM)
clinical_chosen = multi_input.chosen_arms(multi_input.CLINICAL, clinical_arms, needed=needed)
with chapter.timing("clinical arms"):
    clinical_trials = train_arms(
        clinical_chosen, clinical_vectors, conditions, clinical_splits, recipe,
        names=multi_input.model_names(clinical_chosen, prefix="mi-clinical"),
        train_part=(multi_input.R0_ARM, multi_input.FIRST_R0),
    )  # fmt: skip
multi_input.add_arms(chapter, trials, clinical_trials)

# %%
chapter.add_series(
    "scores",
    multi_input.joined(
        multi_input.score_table(trials, images=lesions.name, seed=seed),
        multi_input.score_table(clinical_trials, images=conditions.name, seed=seed),
    ),
)
chapter.figure(
    "scores",
    plots.input_scores,
    caption="Micro F1 (which is accuracy) on the test part, by what the network was given.",
    alt="A row an arm with its interval; some arms without an image come close to those with one.",
)

# %%
chapter.add_series(
    "gains",
    multi_input.joined(
        multi_input.gain_table(trials, images=lesions.name, seed=seed),
        multi_input.gain_table(clinical_trials, images=conditions.name, seed=seed),
    ),
)
chapter.figure(
    "gains",
    plots.input_gains,
    caption="What each input adds to micro F1 beside the image alone; last: what the coarser "
    "labels add beside image and skin type.",
    alt="Dots with intervals around zero; coarser labels lie far to the right.",
)

# %%
chapter.table(
    "scores",
    caption="The same scores with balanced accuracy, macro and weighted F1.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f"},
    filterable=True,
    folded=True,
)

# %% [markdown]
# A gain is not yet a good input. Three questions help.
#
# - *Would it be known when the model is used?* Age, sex and site would. The *kind of diagnosis*
#   (`dx_type`: by histology, by follow-up, by consensus) would not: somebody chose it after looking
#   at the lesion, because it seemed dangerous or harmless. In HAM10000 only naevi were diagnosed by
#   follow-up. It predicts the label for the same reason that a biopsy predicts cancer.
# - *Is it made from the label?* That is the next section.
# - *Would it be the same elsewhere?* Age adds what this hospital's patients are like. The chapter
#   on fairness and shift asks how that travels.
#
# ## The answer among the inputs
#
# Fitzpatrick17k sorts its 114 labels into nine groups, and these into three: *malignant melanoma*
# is one of the nine, with four labels. Whoever gives the group to the network has told it that the
# answer is one of four. How far does that get alone, without image and network? Take the most
# frequent label of each category.

# %%
chapter.add_series("partitions", multi_input.partitions_table(conditions))
chapter.table(
    "partitions",
    of="both",
    caption="Share of rows that have the most frequent label of their category. Entropy: the least "
    "cross-entropy of a model that knows only how frequent the labels are, in nats.",
    formats={"right": ".3f", "entropy": ".3f"},
)

# %% [markdown]
# The three-part label follows from the nine-part one, so the pair says no more than the nine. On
# the few labels of the photographs at hand the leak is worse than on all 114, because some groups
# have a single label left: there, the group *is* the answer.
#
# ## Dropout and what it cannot cure
#
# R0's first version reached a weighted F1 above .95 on its training part and less on validation;
# more dropout and early stopping cured that. Dropout fights memorising. It does nothing about an
# input that is right for the wrong reason, for that one helps on the test part just as well.

# %%
chapter.add_series("overfitting", multi_input.overfitting(chapter))
chapter.table(
    "overfitting",
    caption="Weighted F1 of the network with R0’s columns on the three parts, first seed.",
    formats={"value": ".3f", "low": ".3f", "high": ".3f"},
)

# %%
chapter.add_learning_curves(
    multi_input.curves(
        clinical_trials, arms=[multi_input.IMAGE, multi_input.R0_ARM, multi_input.FIRST_R0]
    )
)
chapter.figure(
    "learning-curves",
    plots.learning_curves,
    caption="Learning curves with the image alone and with R0’s columns (first seed).",
    alt="Loss and accuracy by epoch, a row a network, with the epoch marked whose weights stay.",
)

# %% [markdown]
# ## A stack, and how to feed it
#
# In R0's second model the CNN sees the image, XGBoost the columns, and dense layers see what both
# say. A grid search tunes XGBoost, over folds that keep lesions whole.

# %%
grid = {"rounds": rounds, "max_depth": depths, "learning_rate": rates}
stack_ways = chosen_ways(ways)
stack_recipe = Recipe(
    epochs=stack_epochs, batch_size=batch_size, learning_rate=learning_rate, patience=5,
    checkpoints=recipe.checkpoints,
)  # fmt: skip
with chapter.timing("clinical stack"):
    clinical_stacks = multi_input.train_stacks(
        "mi-clinical", stack_ways, multi_input.R0_COLUMNS, clinical_vectors, conditions,
        clinical_splits, recipe, stack_recipe, grid=grid, folds=folds, search_folds=search_folds,
    )  # fmt: skip
chapter.add_series("grid", clinical_stacks.searched)
chapter.table(
    "grid",
    caption="The grid search of XGBoost on the first seed's training part: cross-entropy over "
    "folds, mean and standard deviation.",
    formats={"log_loss": ".3f", "spread": ".3f"},
)

# %% [markdown]
# What must the dense layers be trained on? Not on what the CNN says of its own training images:
# there it is nearly always right, and a stack trained on that learns to believe it. So the
# training part is cut into folds, and each image is predicted by models that saw no image of its
# lesion: *out of fold* {cite}`wolpert1992stacked`. For the test part the models of the whole
# training part speak.

# %%
stacks = [clinical_stacks]
if first_stack:
    with chapter.timing("first stack"):
        of_patients = multi_input.train_stacks(
            "mi", {JOINED: stack_ways[JOINED]}, multi_input.PATIENT, vectors, lesions, splits,
            recipe, stack_recipe, grid=grid, folds=folds, search_folds=search_folds,
        )  # fmt: skip
    stacks.append(of_patients)
for each in stacks:
    multi_input.add_stack(chapter, each)
chapter.add_series("seen", multi_input.joined(*map(multi_input.seen_and_unseen, stacks)))
chapter.table(
    "seen",
    caption="Accuracy on training images: as seen in training, and out of fold; and on the test "
    "part. Means over seeds.",
    formats=dict.fromkeys(["seen", "unseen", "test"], ".3f"),
)

# %% [markdown]
# ## Rows out of step
#
# R0 does not say how it joined the two models' predictions. Two orders were around: that of the
# table, and that of `flow_from_directory`, which goes through the folders by label. We let each
# model in turn come in the order of folders while everything else keeps the table's order, joined
# by position; then both models, so that only the labels are in the table's order; then both, in
# the test part only, of a stack that was trained right.

# %%
scores = [multi_input.stack_scores(each, seed=seed) for each in stacks]
chapter.add_series("stack", multi_input.joined(*scores))
chapter.add_series("ways", scores[0].assign(largest=multi_input.largest_class(conditions)))
chapter.figure(
    "ways",
    plots.stack_ways,
    caption="Micro F1 on the test part of the clinical collection: the base models, the stack "
    "joined on the image id, and the wrong ways to stack. Dashed: naming the largest class.",
    alt="A row a way; stacks with one model out of step stand beside the other model alone, and "
    "with both out of step at the dashed line.",
)

# %%
chapter.add_series(
    "stack-gains",
    multi_input.joined(*(multi_input.stack_gains(each, seed=seed) for each in stacks)),
)
chapter.table(
    "stack-gains",
    caption="Each minus the stack joined on the image id, 95 % paired intervals.",
    formats={
        "first": ".3f", "second": ".3f", "value": "+.3f", "low": "+.3f", "high": "+.3f",
    },
    filterable=True,
    folded=True,
)  # fmt: skip

# %% [markdown]
# One model out of step is not a disaster: its columns are noise, the dense layers learn to ignore
# them, and the stack is about as good as the other model. That is worse than it sounds, for
# nothing looks wrong. Only when *nothing* the stack sees belongs to its labels is it left with how
# frequent they are: it names the largest class, and its loss is close to the entropy in the table
# above. R0's stack has a micro F1 of .053, where the largest class has .039, and a loss of 4.683,
# near the 4.736 of a uniform guess. It is how a stack looks whose labels and inputs do not belong
# together; but other faults can look like that, too, and the report does not let us check.
#
# In this book a model leaves *Predictions*: a table with the image id in every row. Joining two of
# them on the id cannot slip.
#
# ## What we found
#
# The verdicts follow rules. M14 is *confirmed* if the majority rule on the published table gives
# the figures of the lesson, and the coarser labels raise micro F1 beside image and skin type with
# an interval above zero. M15 is *confirmed* if the stack with both models out of step loses, with
# an interval below zero, and ends at no more than one and a half times the share of the largest
# class, as R0's did.

# %%
multi_input.answer_claims(chapter, conditions)
multi_input.add_findings(chapter)
chapter.summary(summaries.multi_input)

# %%
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. Give the clinical network `site` (which of two atlases a photograph comes from) in place of
#    skin type. Would it be known when the model is used? Could it help on the test part all the
#    same?
# 2. A stack with one model out of step scores like the other model alone. Which single number that
#    everybody has at hand would have given it away?
# 3. Why must the *encoder* be learned from the training rows of each fold again when XGBoost
#    predicts out of fold, although it never sees a label?
# 4. Age is missing for some patients. When would the column `age missing` be a leak?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. No: a patient does not come from an atlas. It helps wherever one atlas shows other conditions
#    than the other does, and the test part comes from the same two; M16 is about this.
# 2. The score of each base model by itself, beside that of the stack: a stack that is no better
#    than its better half has no use of the other, for whatever reason.
# 3. Its median, mean and categories are learned, too. It is a small leak, and it costs nothing to
#    avoid. With an encoding made from labels (means of the target) it would be a large one.
# 4. When age was written down, or not, *because of* the diagnosis: asked only of patients who got a
#    biopsy, say. Then the gap speaks for the label, and in another clinic it would not.
# ```

# %%
chapter.close()
