# ---
# jupyter:
#   dermbook:
#     chapter: augmentation
#     title: Augmentation
#     question: What do augmented copies gain a model, and when do they give the answer away?
#     description: The reports' recipes on one model, an augmented set, and a test treated by class
#     part: II
#     needs: []
#     rows: ["1.2", "2.1", "2.3", "3.5", "4.4", "4.9", "4.11"]
#     lessons: [M11]
#     accelerator: optional
#     minutes: {quick: 0.7, laptop: 26.9}
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
# # Augmentation
#
# **Question.** What do augmented copies gain a model, and when do they give the answer away?
#
# A lesion has no right side up. Flip its photograph, turn it, make it a little brighter, and it
# shows the same diagnosis; to a network it is a new picture. Four of our five reports augmented,
# and the fifth considered it. None of them compares a model with and without augmentation on a
# test set in a way that can be checked: R4's two accuracies are of training where they can be
# traced, R2 gives one number. R3 did something else that deserves a closer look: it augmented
# every class but the commonest. This chapter puts the recipes side by side on the same model, and
# then shows what happens when a treatment that depends on the class reaches the test.
#
# ## What you will be able to do
#
# - write a recipe as a function of a batch and a random generator, and say what its border does;
# - read a library's documentation for the *unit* of a parameter before you trust its name;
# - augment during training, or make an augmented set in advance that cannot leak;
# - measure what a recipe gains, with an interval, on test pictures that are left alone;
# - spot a test whose preparation tells the class, and measure what the clue is worth.
#
# ## What it needs
#
# No other chapter; *Splits and leakage* explains why a lesion stays on one side. An accelerator
# helps the small network and is not required. The `quick` edition uses the **phantom**, vectors of
# plain pixels and a tiny network. The `laptop` edition uses the vectors of a frozen network, which
# are computed once for each recipe and then kept.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the copies and the bootstrap
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 700  # how many pictures; 0 takes all of an imported collection
recipes: list[str] = ["flips", "r1", "r2", "r3", "r3-mirror", "r4"]  # compared on vectors
repeats: int = 5  # how many splits of the vectors' experiments, with the seeds 0, 1, 2 …
backbone: str = "pixels"  # what makes the vectors: pixels, or a frozen network like mobilenetv2
weights: str = "imagenet"  # of that network: imagenet or random
height: int = 48  # pixels, of pictures before they become vectors
width: int = 64  # pixels, of pictures before they become vectors
copies: int = 1  # copies of each picture in an augmented set
network: str = "r2-cnn"  # the network that is trained from scratch
network_recipes: list[str] = ["r3 by class", "r3"]  # its conditions, beside none; [] trains none
network_seeds: list[int] = [0]  # of its weights and splits
filters: list[int] = [8, 16, 32]  # of its convolutions (R2: 32, 64, 128)
network_height: int = 48  # pixels, as the network sees them
network_width: int = 64  # pixels, as the network sees them
epochs: int = 6  # passes over the training part, at most

# %% [markdown]
# ## The recipes
#
# A recipe is a function of a batch of bytes and a random generator. The reports say what they did,
# and leave much open; what we chose is in the last column. `flips` and `r3-mirror` are ours: the
# first changes no pixel's value, the second is R3's recipe without black corners.

# %%
from dermbook import plots
from dermbook.data import cached_images, load_collection
from dermbook.evaluation.augmentation import NetworkLab, arms, telltale
from dermbook.evaluation.networks import Setting
from dermbook.evaluation.paired import seed_splits
from dermbook.imaging.augmentation import corner_moves, recipe_table
from dermbook.publishing import augmentation, open_chapter, summaries

chapter = open_chapter("augmentation", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
splits = seed_splits(lesions, range(repeats))
chapter.uses(lesions, splits[0])
chapter.parameter_table()

# %%
chapter.add_series("recipes", recipe_table())
chapter.table("recipes", caption="What each report says of its augmentation, and what we chose.")

# %%
phantom = load_collection("phantom", images=24, height=96, width=128, seed=seed)
chapter.picture(
    "recipes-seen",
    plots.recipe_grid(phantom, ["r1", "r2", "r3", "r3-mirror", "r4"], seed=seed),
    collection=phantom,
    caption="One lesion and four copies of it by each recipe.",
    alt="Rows of copies: mirrored and turned; those of r3 have black corners.",
)

# %% [markdown]
# What comes into view when a picture is turned? Nobody photographed it, so something must be put
# there. torchvision leaves it **black** unless told otherwise, Keras **repeats** the last pixel,
# and one can **mirror** the picture. Keep the black corners in mind.
#
# R2 printed a grid of nine augmented pictures. This is ours, of the phantom:

# %%
chapter.picture(
    "nine-copies",
    plots.copies_grid(phantom, "r2", seed=seed),
    collection=phantom,
    caption="Nine lesions, each as a copy by R2's recipe.",
    alt="Nine pictures of different classes, flipped, turned and shifted.",
)

# %% [markdown]
# ## A shear of 0.2 what?
#
# R4 sets `zoom_range = 0.2` and `shear_range = 0.2` in Keras' `ImageDataGenerator`. The first is a
# share of the picture. The second is an angle, in *degrees*. How far does each range move the
# corner of a picture of 224 pixels?

# %%
chapter.add_series("corner-moves", corner_moves(["r2", "r3", "r4"]))
chapter.table(
    "corner-moves",
    caption="How far the corner of a 224-pixel picture moves when each range is at its bound.",
    formats={"pixels": ".2f"},
)

# %% [markdown]
# ## An augmented set, made in advance
#
# R4 proposes to make augmented copies once and to train on them as a set of their own. The copy
# number *k* of a picture depends on its content, the recipe, the seed and *k*, so it can be made
# when it is read, or be written to disk. Every copy keeps the lesion of its parent. That is
# enough to keep a split by lesion honest, and shows what a split by image would do:

# %%
chapter.add_series("shared-lesions", augmentation.shared_lesions(lesions, "r3", seed=seed))
chapter.table(
    "shared-lesions",
    caption="Originals and one copy each, divided by image (as R3 divided) and by lesion: share of "
    "the test's pictures whose lesion, or whose very parent picture, is in train.",
    formats={"in_train": ".3f", "parent_in_train": ".3f"},
)

# %% [markdown]
# What does such a set cost on disk? We write one of phantom pictures to a temporary folder and read
# it back. PNG keeps every pixel, at a price.

# %%
chapter.add_series("on-disk", augmentation.set_on_disk(phantom, "r3", copies=2, seed=seed))
chapter.table(
    "on-disk",
    caption="A set of phantom pictures with two copies each, written and read back (phantom "
    "pictures in every edition).",
    formats={"value": ",.4g"},
)

# %% [markdown]
# ## What does a recipe gain?
#
# The same model, the same splits by lesion, the same test pictures, left as they are; only the
# training differs. First a logistic head on vectors: it trains on the pictures and their copies,
# the classes weighted to count alike. Vectors make many splits affordable. Every interval below
# resamples lesions and splits together, the same for both sides of a difference.

# %%
with chapter.timing("vectors"):
    lab = augmentation.vector_lab(
        lesions, recipes, backbone=backbone, height=height, width=width, copies=copies,
        seed=seed, weights=weights,
    )  # fmt: skip
head = f"logistic on {backbone}"
conditions = ["none", *recipes] + ["r1 by class"] * ("r1" in recipes)

# %%
with chapter.timing("recipes on vectors"):
    gained = arms(augmentation.with_originals(lab), conditions, ["none"], splits)
augmentation.add_scores(chapter, gained, head)
on_vectors = augmentation.recipe_effects(gained, learner=head, seed=seed)

# %% [markdown]
# Then a small network trained from scratch, which sees fresh copies in every epoch. It has the most
# to gain: nobody told it that a lesion may be turned. It also costs the most, so it meets fewer
# recipes and fewer seeds.

# %%
with chapter.timing("network"):
    pixels = cached_images(lesions, height=network_height, width=network_width)
    setting = Setting(
        network, epochs=epochs, options={"filters": filters},
        checkpoints=chapter.output / "checkpoints" / chapter.name,
    )  # fmt: skip
    treated = ["none", "r3 by class", "r3"]
    trained = augmentation.network_arms(
        NetworkLab(lesions, pixels, setting), network_recipes, treated, splits, network_seeds
    )
augmentation.add_scores(chapter, trained, network)
on_network = augmentation.recipe_effects(trained, learner=network, seed=seed)

# %%
chapter.add_series("recipe-effects", augmentation.joined(on_vectors, on_network))
chapter.figure(
    "recipe-effects",
    plots.effect_intervals,
    caption="Balanced accuracy with a recipe minus without, on plain test pictures (in brackets: "
    "without → with).",
    alt="Intervals of the difference for each recipe and learner beside zero.",
)

# %%
chapter.table(
    "recipe-effects",
    caption="The same for every score: without (first), with (second), difference.",
    formats={"first": ".3f", "second": ".3f", "value": ".3f", "low": ".3f", "high": ".3f"},
    folded=True,
)

# %% [markdown]
# ## Every class but one (lesson M11)
#
# R3 augmented all classes but `nv`, two thirds of the images, and says that augmenting `nv`, too,
# was worse. It decided by the label of each image in its own `Dataset` class, and its figures
# suggest that validation and test went through the same class: the precision of `nv` is nearly one
# while a third of the other lesions are missed, and validation is far better than training. We
# cannot know. We can build it: models trained on plain pictures, on pictures treated by class, and
# on pictures all treated, each tested on all three kinds.

# %%
with chapter.timing("four arms"):
    four = arms(lab, treated, treated, splits)
chapter.add_series("treatment", augmentation.treatment_scores(four, seed=seed))
chapter.figure(
    "treatment",
    plots.treatment_scores,
    scores=["balanced_accuracy", "precision nv"],
    caption="The same models on test pictures left plain, treated by class, and all treated "
    "(logistic head on vectors).",
    alt="Scores of three models on three tests; the model trained by class is best where the test "
    "is treated by class.",
)

# %%
on_vectors = augmentation.treatment_effects(four, learner=head, seed=seed)
on_network = augmentation.treatment_effects(trained, learner=network, seed=seed)
chapter.add_series("treatment-effects", augmentation.joined(on_vectors, on_network))
chapter.figure(
    "treatment-effects",
    plots.effect_intervals,
    caption="What a test treated by class adds to balanced accuracy, and what augmenting nv, too, "
    "seems to cost and costs.",
    alt="Intervals of four differences for the logistic head and the network.",
)

# %%
chapter.table(
    "treatment-effects",
    caption="The same for every score, and for precision and recall of nv.",
    formats={"first": ".3f", "second": ".3f", "value": ".3f", "low": ".3f", "high": ".3f"},
    folded=True,
)

# %% [markdown]
# ## What gives a copy away?
#
# A clue works only if a model can see it. So we train a detector: is this picture plain, or a copy?
# It learns on the train part, each picture in both forms, and is scored on the test part. Flips
# alone should fool it, for a flipped lesion is as good a lesion.

# %%
chapter.add_series("telltale", telltale(lab, recipes, splits[0], seed=seed))
chapter.figure(
    "telltale",
    plots.telltale_intervals,
    caption="ROC AUC of a detector that tells copies from pictures, by recipe.",
    alt="Detector's ROC AUC: flips at one half, black corners far above.",
)

# %% [markdown]
# ## What we found

# %%
augmentation.answer_claims(chapter, conditions, head)
augmentation.add_findings(chapter)
chapter.summary(summaries.augmentation)

# %%
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. Why may a test set be augmented if *all* of its pictures are, and their predictions averaged?
# 2. Write R3's recipe so that no corner is black. Does that make a test by class safe?
# 3. Your augmented set has one copy of each picture, and you divide it by image, 80 to 20. What
#    share of the test's copies have their original in train?
# 4. R1 augmented the malignant class only, before it divided. Which two lessons meet there?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Then the treatment says nothing of the class. Averaging over copies (*test-time augmentation*)
#    can steady a prediction; it is decided without looking at a label.
# 2. Set `border="mirror"`, as `r3-mirror` does. Compare the detector's two scores above: colours,
#    blur from turning and mirrored edges may still tell. The only safe test treats all classes
#    alike.
# 3. About 80 %, whatever the picture: the original is in train with the share of train.
# 4. Copies on both sides of the split (M9), and a treatment that tells the class (this one): a
#    classifier can learn *what is blurred by scaling is malignant*, and be right in the test.
# ```

# %%
chapter.close()
