# ---
# jupyter:
#   dermbook:
#     chapter: exploration
#     title: Exploration
#     question: What is in a skin-lesion collection, and what will its shape do to a model?
#     description: Classes, lesions, ages, sites, skin types and sizes, before any model sees them
#     part: I
#     needs: []
#     rows: ["0.14", "0.16", "2.1", "4.1"]
#     lessons: [M16]
#     accelerator: none
#     minutes: {quick: 0.5, laptop: 0.4}
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
# - spot metadata that gives the label away, and measure by how much;
# - read a rule such as "the size of the smallest 5 %" in every way it can be meant, and price each;
# - say who is missing from a collection.
#
# ## What it needs
#
# No other chapter and no accelerator. In the `quick` edition it draws a **phantom** collection:
# synthetic pictures with known truth, no patients. With HAM10000 and Fitzpatrick17k imported
# (`dermbook data get ham10000`, or `dermbook data import ham10000 --from FOLDER`), the `laptop`
# edition reads all of them in under a minute.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, and of which examples are drawn
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 700  # how many pictures; 0 takes all of an imported collection
height: int = 96  # pixels, of a phantom picture
width: int = 128  # pixels, of a phantom picture
clinical: str = "phantom-clinical"  # clinical photographs with skin types; or fitzpatrick17k
clinical_images: int = 700  # how many of them; 0 takes all of an imported collection
smallest_share: float = 0.05  # the share of images that "the size of the smallest …" is about

# %% [markdown]
# ## The collection
#
# Everything in this book starts from a `Collection`: a table with one row an image, and a way to
# read each image and its lesion mask. Collections never change; `where` and `relabel` make new
# ones.

# %%
from dermbook import plots
from dermbook.data import exploration, load_collection, load_split, whole_table
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
# Nine of them, taken at random, are what one report shows first. Most are naevi, as in life.

# %%
chapter.picture(
    "nine",
    plots.image_grid([phantom.image(name) for name in phantom.ids[:9]], columns=3, phantom=True),
    collection=phantom,
    caption="Nine pictures of the phantom in no order.",
    alt="Three rows of three synthetic dermoscopic pictures, most of them brown naevi.",
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

# %% [markdown]
# The same ages as boxes: half of a class lies in its box, and the white line is its median.

# %%
chapter.add_series("age-boxes", exploration.age_boxes(lesions))
chapter.figure(
    "age-boxes",
    plots.age_boxes,
    caption="Age by class: quartiles, and whiskers to the last age within 1.5 box lengths.",
    alt="Boxes of age for each class; the box of naevi lies lowest, those of cancers highest.",
)

# %% [markdown]
# And as smooth curves. A curve hides how many images it stands for and invents ages between those
# that were recorded (HAM10000 rounds to five years), but it is the easiest to compare.

# %%
chapter.add_series("age-density", exploration.age_density(lesions))
chapter.figure(
    "age-density",
    plots.age_density,
    caption="Age by class as a density (Gaussian kernels, Scott's rule).",
    alt="Seven curves of age; naevi peak in the forties, cancers and keratoses around seventy.",
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
# ## How much the metadata give away
#
# Bars can be looked at for a long time. Two numbers sum them up. Cramér's V says how closely a
# column goes with the label, from 0 (not at all) to 1 (it tells it) {cite}`bergsma2013cramer`. And
# a rule that never sees a picture, "for each value answer the class that is most over-represented
# there", learnt on the training part and tried on the validation part, says what that is worth.

# %%
split = load_split(lesions, seed=seed)
columns = ["dx_type", "age", "sex", "localization"]
chapter.add_series("associations", exploration.association_table(lesions, columns, split))
chapter.figure(
    "associations",
    plots.associations,
    caption="What each metadata column alone says of the label.",
    alt="Bars of Cramér's V by column with the balanced accuracy of a rule; all beat guessing.",
)

# %%
chapter.add_series("site-excess", exploration.excess_table(lesions, "localization"))
chapter.table(
    "site-excess",
    caption="Where a class is found most above chance: images, those expected, and their ratio.",
    shape=exploration.largest_excess,
    formats={"expected": ".1f", "ratio": ".1f"},
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
# ## Clinical photographs: 114 conditions and a long tail
#
# Fitzpatrick17k is another kind of collection. Photographs of patients from two web atlases,
# taken with any camera, of 114 conditions. What the table says of all its rows is counted here;
# the photographs show people who can be recognised, so the book computes with them and never
# shows one.

# %%
photographs = load_collection(
    clinical, images=clinical_images, height=height, width=width, seed=seed
)
rows = whole_table(photographs)
chapter.uses(photographs)
chapter.add_counts(
    exploration.clinical_counts(rows) | {"columns": exploration.published_columns(photographs)},
    of=photographs,
    claims={"R0.images": "images", "R0.classes": "classes", "R0.columns": "columns"},
)
chapter.add_series("tail", exploration.rank_table(rows["label"]))
chapter.figure(
    "tail",
    plots.class_tail,
    caption="Conditions by the number of their photographs.",
    alt="Bars of decreasing height: a few conditions have many photographs, most have few.",
)

# %% [markdown]
# The conditions are grouped twice, into nine kinds and into three. A model that names the kind has
# not named the condition, and a model that is *given* the kind has been given much of the answer;
# the chapter on multi-input models returns to that.

# %%
chapter.add_series("partitions", exploration.rank_table(rows["nine_partition_label"]))
chapter.table(
    "partitions",
    caption="The nine kinds of conditions, by the number of photographs.",
    formats={"percent": ".1f", "cumulative": ".1f"},
)

# %% [markdown]
# ## Whose skin it is
#
# Each photograph has been given a Fitzpatrick skin type twice, by two groups of annotators. The
# type was meant to say how a skin answers to the sun, asked of its owner; read off a photograph
# it is an opinion. Two things matter: how few photographs show dark skin, and how little the two
# groups agree.

# %%
chapter.add_series("skin-types", exploration.skin_type_table(rows))
chapter.figure(
    "skin-types",
    plots.skin_types,
    caption="Photographs by skin type, on both scales.",
    alt="Paired bars by skin type; types one to three have most photographs, six the fewest.",
)

# %%
chapter.add_series("scales", exploration.confusion_of_scales(rows))
chapter.figure(
    "scales",
    plots.scale_matrix,
    first="fitzpatrick_scale",
    second="fitzpatrick_centaur",
    caption="One scale against the other: photographs with each pair of types.",
    alt="Matrix of counts of two scales; the diagonal and its neighbours hold most photographs.",
)

# %%
chapter.add_series("skin-kinds", exploration.skin_by_group(rows, "three_partition_label"))
chapter.figure(
    "skin-kinds",
    plots.category_bars,
    label="skin type",
    caption="Skin type within benign, malignant and non-neoplastic conditions.",
    alt="Stacked bars of skin type for three kinds of conditions; malignant ones are lightest.",
)

# %% [markdown]
# ## Where a photograph was found
#
# The photographs come from two web atlases. Nobody chose them at random: one site may hold more of
# some conditions, or of some skins, and its cameras, crops and watermarks are its own. Then a
# model can name the *site* and seem to have named the condition; it will fail on a third site.
# This is a confounder, and R0 did not look at it (lesson M16). Whether the site is tied to the
# answer shows in the table alone. Cramér's V is 0 where two columns know nothing of each other and
# 1 where one tells the other; shuffling the sites shows what chance would give.

# %%
chapter.add_series(
    "site-ties",
    exploration.confounder_table(
        rows,
        "site",
        ["three_partition_label", "nine_partition_label", "label", "fitzpatrick_scale"],
        seed=seed,
    ),
)
chapter.table(
    "site-ties",
    caption="Cramér's V of the source site with labels and skin type; the same for shuffled sites.",
    formats={
        "cramers_v": ".3f", "permuted": ".3f", "permuted_highest": ".3f", "p_value": ".3f"
    },
)  # fmt: skip

# %% [markdown]
# ## One size for all of them
#
# A network wants images of one size. The report chose 290×192, "the size of the smallest 5 %".
# A size has two sides, so the sentence can mean at least three things. Each side's own 5 %
# quantile need not be the size of any image; the image at the 5 % mark by area may be a narrow
# one; and the shorter side with the usual proportions needs a choice of orientation.

# %%
sizes = exploration.stored_sizes(photographs)
chapter.add_series("size-rules", exploration.size_rules(sizes, share=smallest_share))
chapter.table(
    "size-rules",
    caption="Three readings of the rule: the size in pixels, and the shares of images that would "
    "have to be enlarged on one side at least, and on both.",
    formats={"enlarged": ".3f", "both": ".3f"},
)

# %%
chapter.add_series("clinical-sizes", exploration.size_figure_table(sizes, share=smallest_share))
chapter.figure(
    "clinical-sizes",
    plots.size_scatter,
    caption="Sizes of the stored photographs, and what each reading makes of them.",
    alt="Scatter of widths and heights; three marks near its lower left are the three readings.",
)

# %% [markdown]
# The report then wrote `input_shape = (290, 192, 3)`. Keras reads that as 290 *high* and 192
# *wide*. Whether that fits depends on how the photographs were held:

# %%
chapter.add_series("shapes", exploration.shape_table(sizes))
chapter.table(
    "shapes",
    caption="Photographs by orientation, with their median width divided by height.",
    formats={"percent": ".1f", "ratio": ".2f"},
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
chapter.finding(
    "0.14", **summaries.size_finding(chapter.series("size-rules"), sizes, photographs.phantom)
)
chapter.finding(
    "M16",
    **exploration.site_finding(
        chapter.series("site-ties"),
        ["three_partition_label", "nine_partition_label", "label"],
        photographs.phantom,
    ),
)
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. A model answers `nv` to every image. What are its accuracy and its balanced accuracy?
# 2. A colleague draws 15 % of the images at random as a test part. Roughly what share of those
#    test images has another photograph of the same lesion in the training part?
# 3. Which metadata column would you never give to a model, and which would you discuss?
# 4. Run the chapter with `-p smallest_share=0.25`. Which reading of the rule changes most, and why?
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
# 4. `dermbook run exploration -p smallest_share=0.25`. The reading by area follows one image, so
#    its proportions jump about; the other two move smoothly, since they are quantiles.
# ```

# %%
chapter.close()
