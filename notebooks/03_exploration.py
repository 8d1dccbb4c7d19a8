# ---
# jupyter:
#   dermbook:
#     chapter: exploration
#     title: Exploration
#     question: What is in a skin-lesion collection, and what will its shape do to a model?
#     description: Classes, lesions, ages, sites and sizes of HAM10000, before any model sees them
#     part: I
#     needs: []
#     rows: ["2.1", "4.1"]
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
# # Exploration
#
# **Question.** What is in a skin-lesion collection, and what will its shape do to a model?
#
# HAM10000 {cite}`tschandl2018ham10000` is the collection that four of our five reports used:
# ten thousand dermoscopic photographs of pigmented skin lesions in seven diagnostic classes. All
# four drew its class bars, and two drew its ages. This chapter draws them again, and then the
# things they passed over and that decide whether a result can be believed: how many photographs
# show the *same* lesion, how each diagnosis was established, and how closely the patient's age and
# the body site are tied to the answer.
#
# ## What you will be able to do
#
# - read a collection as one table with a label, a lesion and its metadata for each image;
# - say why accuracy is a poor score here, from the class bars alone;
# - say why images must be divided by lesion and not one by one;
# - spot metadata that gives the label away.
#
# ## What it needs
#
# No other chapter and no accelerator. In the `quick` edition it draws a **phantom** collection:
# synthetic pictures with known truth, no patients. With HAM10000 imported
# (`dermbook data import ham10000 --from FOLDER`), the `laptop` edition reads all of it in under a
# minute.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, and of which examples are drawn
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 700  # how many pictures; 0 takes all of an imported collection
height: int = 96  # pixels, of a phantom picture
width: int = 128  # pixels, of a phantom picture

# %% [markdown]
# ## The collection
#
# Everything in this book starts from a `Collection`: a table with one row an image, and a way to
# read each image and its lesion mask. Collections never change; `where` and `relabel` make new
# ones.

# %%
from dermbook import plots
from dermbook.data import exploration, load_collection
from dermbook.publishing import open_chapter, summaries

chapter = open_chapter("exploration", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
chapter.uses(lesions)
chapter.parameter_table()

# %% [markdown]
# The columns are those of HAM10000's own table. `group` is its `lesion_id`; `dx_type` says how the
# diagnosis was made.

# %%
lesions.table[["label", "group", "dx_type", "age", "sex", "localization"]].head(4)

# %% [markdown]
# ## What the pictures look like
#
# The book never renders a patient's photograph: it computes with real images and shows phantom
# ones. A phantom picture is drawn from a recipe, so we know for each exactly where the lesion
# ends, which hairs cross it, and whether its label was corrupted on purpose. It is an instrument
# for testing methods, not a substitute for patients.

# %%
phantom = load_collection("phantom", images=210, height=96, width=128, seed=seed)
chapter.picture(
    "examples",
    plots.class_grid(phantom, exploration.example_ids(phantom, 5, seed=seed)),
    collection=phantom,
    caption="Five lesions of each of the seven classes, as the phantom draws them.",
    alt="Grid of synthetic dermoscopic pictures, one row a class, five lesions in each row.",
)

# %% [markdown]
# ## Seven classes, far from equal
#
# The first figure that every report drew. Read it as a warning about accuracy: a program that
# answers *naevus* (`nv`) to everything is right as often as that bar is high.

# %%
chapter.add_series("classes", exploration.class_table(lesions))
chapter.figure(
    "classes",
    plots.class_bars,
    caption="Images in each diagnostic class, with their share of the collection.",
    alt="Bar chart of images by class; melanocytic naevi outnumber all other classes together.",
)

# %%
chapter.table(
    "classes",
    caption="The same in numbers, with the number of distinct lesions behind the images.",
    formats={"percent": ".1f", "images_per_lesion": ".2f"},
)

# %% [markdown]
# ## One lesion, several photographs
#
# A lesion may be photographed more than once: closer, turned, under other light. Two pictures of
# one lesion are nearly the same picture. If one is in training and the other in the test part, the
# test measures memory. That is why every split in this book keeps a lesion's pictures together,
# and why the chapter on splits and leakage measures what happens otherwise.

# %%
chapter.add_series("photographs", exploration.photographs_table(lesions))
chapter.figure(
    "photographs",
    plots.photographs_per_lesion,
    caption="How many lesions were photographed once, twice, or more often.",
    alt="Bar chart of the number of lesions by how many photographs show them; most have one.",
)

# %% [markdown]
# ## How the diagnosis was made
#
# `histo` is a pathologist's finding, `follow_up` a lesion that did not change over time,
# `consensus` an agreement of experts, `confocal` an in-vivo microscope. Only some classes were
# ever confirmed in one way only, so the column gives part of the label away. A model must never
# see it.

# %%
chapter.add_series("dx-type", exploration.category_table(lesions, "dx_type"))
chapter.figure(
    "dx-type",
    plots.category_bars,
    caption="How the diagnosis was established, by class, in per cent of the class.",
    alt="Stacked bars of diagnosis type for each class; malignant classes are all histology.",
)

# %% [markdown]
# ## Who the patients are
#
# Age, sex and body site describe the patient and not the picture, and all three are tied to the
# diagnosis. A model that is given them may learn medicine, or merely who comes to which clinic.

# %%
chapter.add_series("ages", exploration.age_table(lesions))
chapter.figure(
    "ages",
    plots.age_histogram,
    caption="Age at the time of the photograph, by class, in five-year bands.",
    alt="Histograms of age for each class; naevi are photographed at younger ages than cancers.",
)

# %%
chapter.add_series("age-summary", exploration.age_summary(lesions))
chapter.table(
    "age-summary",
    caption="Age in years by class: known, missing, mean and quartiles.",
    formats={"mean": ".1f", "q1": ".0f", "median": ".0f", "q3": ".0f"},
)

# %%
chapter.add_series("sex", exploration.category_table(lesions, "sex"))
chapter.figure(
    "sex",
    plots.category_bars,
    caption="Sex, by class, in per cent of the class.",
    alt="Stacked bars of sex for each class.",
)

# %%
chapter.add_series("sites", exploration.category_table(lesions, "localization"))
chapter.figure(
    "sites",
    plots.category_bars,
    caption="Body site, by class, in per cent of the class.",
    alt="Stacked bars of body site for each class; some classes cluster on the face or trunk.",
)

# %% [markdown]
# ## What is missing
#
# Missing values are few, but a rule is needed for them, and that rule must be learnt from the
# training part alone. One report filled the missing ages with the mean of *all* rows before it
# split them; the chapter on cleaning shows the difference.

# %%
chapter.add_series(
    "missing", exploration.missing_table(lesions, ["dx_type", "age", "sex", "localization"])
)
chapter.figure(
    "missing",
    plots.missing_bars,
    caption="Rows without a value (or with the value *unknown*), by column.",
    alt="Bar chart of the share of missing values in each metadata column, all small.",
)

# %% [markdown]
# ## How large the images and the lesions are
#
# Image size decides what a network can be fed without stretching; the share of the image that the
# lesion covers decides how much of it is background.

# %%
chapter.add_series("sizes", exploration.size_table(lesions))
chapter.table("sizes", caption="Image sizes as stored, in pixels.", formats={"percent": ".1f"})

# %%
chapter.add_series("lesion-area", exploration.lesion_area_table(lesions, sample=200, seed=seed))
chapter.figure(
    "lesion-area",
    plots.quantile_ranges,
    label="share of the image that the lesion covers",
    caption="Lesion area as a share of the image, by class: median, quartiles, 5 % and 95 %.",
    alt="Ranges of lesion area by class; all classes overlap widely.",
)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.exploration)

# %% [markdown]
# The reports' own counts, beside ours. Two of them rounded; rounding is no error, but a reader who
# recomputes a rate from a rounded count gets a wrong one.

# %%
chapter.add_counts(
    exploration.key_counts(lesions),
    of=lesions,
    claims={
        "R4.images": "images",
        "R2.images": "images",
        "R4.lesions": "lesions",
        "R4.missing-ages": "missing_ages",
        "R4.mean-age": "mean_age",
        "R4.age-deviation": "age_deviation",
        "R1.benign": "benign",
        "R1.malignant": "malignant",
    },
)
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. A model answers `nv` to every image. What are its accuracy and its balanced accuracy?
# 2. A colleague draws 15 % of the images at random as a test part. Roughly what share of those
#    test images has another photograph of the same lesion in the training part?
# 3. Which metadata column would you never give to a model, and which would you discuss?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Its accuracy is the share of `nv` (the tallest bar). Its balanced accuracy is the mean of one
#    recall of 1 and six of 0: one seventh.
# 2. Take the images whose lesion has more than one photograph. For a lesion with two, the other
#    photograph falls into training with probability .85; with three, at least one of the two
#    others does with probability 1 − .15². Weight those by the bars of the photographs figure.
# 3. `dx_type` is a consequence of the suspicion and so of the label: never. Age, sex and site are
#    known before the diagnosis, so a doctor would use them; but they also describe how the
#    collection was gathered, and a model that leans on them will fail elsewhere.
# ```

# %%
chapter.close()
