# ---
# jupyter:
#   dermbook:
#     chapter: composite-images
#     title: Composite images
#     question: How do we find the photographs inside a picture that is made of several?
#     description: Panels of composite pictures found by cuts, floods and objects, judged by known boxes
#     part: II
#     needs: []
#     rows: ["0.7", "0.16"]
#     lessons: []
#     accelerator: none
#     minutes: {quick: 0.4}
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
# # Composite images
#
# **Question.** How do we find the photographs inside a picture that is made of several?
#
# Atlases like to put photographs side by side: the same arm from near and far, two patients with
# one condition, before and after. The file is one, the panels are several. A collection that was
# gathered from atlases, as Fitzpatrick17k was {cite}`groh2021fitzpatrick17k`, holds such
# composites, and R0 noticed them. It ran YOLOv3 over its pictures (row 0.7), a detector of
# everyday objects, and made a picture of every object. A few composites came apart as they should;
# most did not, and the idea was dropped.
#
# A composite hurts in three ways. A network shrinks it to its input size, so each lesion is seen
# at half its size. One label has to do for panels that may show different things, and a caption or
# a border may say more of the source than of the skin. And if somebody cuts it up *before* the
# split, panels of one lesion fall into train and test.
#
# ## What you will be able to do
#
# - say why a detector of objects does not find panels;
# - judge boxes: intersection over union, matching, precision and recall, intervals by picture;
# - tune on one set of pictures, judge on another, and cross-fit what was fitted;
# - turn composites into rows that know where they came from and that no split can part;
# - say how little a count of "composites found" means without error rates.
#
# ## What it needs
#
# No other chapter and no accelerator. Panels are known on **phantom** composites only, so all that
# is judged here is judged on them. With Fitzpatrick17k imported, the `laptop` edition also counts
# what the best detector takes for composites there; those photographs are never shown.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom that is judged; settings are chosen on seed + 1
images: int = 240  # pictures of each of the two phantoms
height: int = 96  # pixels, of a phantom picture
width: int = 128  # pixels, of a phantom picture
scan: str = "none"  # real collection to count composites in: none, or fitzpatrick17k if imported
scan_images: int = 0  # how many of its pictures; 0 takes all
resamples: int = 1000  # of the bootstrap over pictures

# %% [markdown]
# ## Composites with known panels
#
# Half of the phantom's pictures are single photographs, the others have two, three or four panels
# in rows, columns and grids, with a border or without, some with letters or a caption. The single
# ones are the hard part: some show a ruler, the hem of a cloth, a skin fold or the round edge of a
# dermatoscope, straight or sharp lines that separate nothing. Two phantoms are drawn, one to choose
# settings on and another to judge them.

# %%
from dermbook import plots
from dermbook.data import load_collection
from dermbook.imaging import panels
from dermbook.publishing import composite_images as tools
from dermbook.publishing import open_chapter, summaries

chapter = open_chapter("composite-images", globals())
size = {"images": images, "height": height, "width": width}
tuning = load_collection("phantom-composites", seed=seed + 1, **size)
judging = load_collection("phantom-composites", seed=seed, **size)
chapter.uses(judging)
chapter.parameter_table()

# %% [markdown]
# ## The detectors
#
# Each takes a picture and answers with boxes, at least one:
#
# - **whole** and **halves** answer the same to every picture. Any method has to beat them.
# - **regions** stands in for R0's detector. Its rule is R0's: if two or more objects are found,
#   each becomes a picture. The objects are regions that stand out from their surroundings (MSER,
#   Matas et al. 2002, and closed contours, Canny 1986), of whatever class.
# - **blocks** merges neighbouring blocks of like colour and texture (Felzenszwalb and Huttenlocher
#   2004) and keeps what comes out rectangular.
# - **flood** lets white or black paper be flooded from the picture's edges; islands are panels.
# - **cuts** looks for a cut from side to side, cuts there, and looks again at both parts, as print
#   has been cut into columns and lines (Nagy and Seth 1984). A cut is a place where the picture
#   jumps between two columns (or rows) *all the way along*. The rule by hand asks for a share of
#   rows with a jump, more than chance would give.
# - **fitted cuts** asks a logistic regression instead, which was fitted to the first phantom: it
#   weighs the jumps with how plain a border is, how colours change across, whether lines go on, and
#   whether the edge is straight.
#
# ```{admonition} And YOLO?
# :class: note
#
# No detector's weights come with this book, with Keras or with OpenCV. If you have a YOLO network
# as an ONNX file, put it into the folder that `DERMBOOK_WEIGHTS` names, as `yolo….onnx`, and it is
# judged below as **network**. YOLOv3's own Darknet files are no longer read by OpenCV 5; export
# them to ONNX. Whether one was there is in the next table.
# ```

# %%
network = panels.yolo_file()
with chapter.timing("tuning and judging"):
    study = tools.study(tuning, judging, network=network)
chapter.add_series("detectors", panels.detector_table(study.detectors))
chapter.table("detectors", caption="The detectors of this run, and what their setting is.")

# %% [markdown]
# ## What they see
#
# The true panels are drawn in white on black, those that the fitted cuts found are dashed.

# %%
chapter.picture(
    "examples",
    plots.panel_boxes(tools.pictured(study, tools.example_ids(study)), phantom=True),
    collection=judging,
    caption="Composites with four kinds of border, and single pictures with lines that separate "
    "nothing; true panels, and those found by the fitted cuts.",
    alt="Eight synthetic pictures with boxes; most dashed boxes lie on the true panels.",
)

# %% [markdown]
# The same pictures with the regions of R0's rule. A lesion stands out, a cloth stands out, and now
# and then a whole panel does. Nothing in "stands out" says *photograph*. A network
# trained on everyday objects knows people, cups and dogs; R0's Figure 11 shows what follows: two
# objects in one photograph cut it in two, and a panel without an object is lost.

# %%
chapter.picture(
    "regions",
    plots.panel_boxes(
        tools.pictured(study, tools.example_ids(study), tools.STAND_IN), phantom=True
    ),
    collection=judging,
    caption="The same pictures, with what R0's rule makes of regions that stand out.",
    alt="Eight synthetic pictures; most dashed boxes surround whole pictures, few lie on panels.",
)

# %% [markdown]
# ## Choosing the settings
#
# Each detector has one setting, chosen on the first phantom by the share of pictures that come out
# exactly right; F1 would hardly notice a single photograph that is cut in two. The fitted cuts need
# care: a rule looks better on pictures that it was fitted to. So one half of the first phantom is
# rated by a rule that was fitted to the other half, and the other way round.

# %%
chapter.add_series("curves", study.curves)
chapter.figure(
    "curves",
    plots.setting_curves,
    of="both",
    caption="On the tuning phantom: precision and recall of panels (IoU ≥ .5) and the share of "
    "single pictures that were split, against each detector's setting.",
    alt="Panels of curves by detector; recall falls and precision rises with the cuts' threshold.",
)

# %% [markdown]
# ## The judgement
#
# A found box and a true one are compared by their *intersection over union* (IoU), the area that
# both cover divided by the area that either covers. Boxes are matched one to one so that as many
# pairs as possible reach .5, or .75 if we are strict. Precision is the share of found boxes in a
# pair, recall the share of true ones. Panels of a picture are found or missed together, so the
# bootstrap draws whole pictures.

# %%
scored = tools.scores(study, resamples=resamples, seed=seed)
for name, table in scored.items():
    chapter.add_metrics(table, model=name.replace(" ", "-"), part="test")
chapter.add_series("scores", tools.score_table(study, scored))
chapter.figure(
    "scores",
    plots.detector_scores,
    of="both",
    caption="Detectors on a phantom that none of them had seen: F1 of panels, pictures with all "
    "panels right, composites with the right number, single pictures split.",
    alt="Four panels of dots with intervals; the fitted cuts lead and seldom split a single one.",
)

# %%
chapter.table(
    "scores",
    caption="The same in numbers. `exact`: pictures whose panels are all right and no more; "
    "`recognised`: composites of which more than one box was made.",
    shape=tools.wide_scores,
    formats=dict.fromkeys((*tools.SHOWN, "precision_50", "recall_50", "f1_75"), ".3f")
    | {"setting": ".2f", "mean_iou": ".3f", "recognised": ".3f"},
)

# %% [markdown]
# *Whole* scores an F1 that is not zero: half of the pictures are single, and it is right on those.
# An F1 over all pictures depends on how many of them are composites, so read it beside the shares
# of composites and of single pictures. Whether the fitted rule is better than another is a question
# about the same pictures, and is answered picture by picture:

# %%
chapter.add_series("differences", tools.differences(study, resamples=resamples, seed=seed))
chapter.table(
    "differences",
    caption="F1 (IoU ≥ .5) of the fitted cuts less that of each other detector, on the same "
    "resamples of pictures, with 95 % intervals.",
    formats=dict.fromkeys(["first", "second", "difference", "low", "high"], ".3f"),
)

# %% [markdown]
# ## Which composites are hard
#
# A border gives a panel away. Panels that touch are told apart by their content alone, and if both
# show the same arm against the same cloth, there is little to tell.

# %%
chapter.add_series("kinds", tools.kind_table(study))
chapter.figure(
    "kinds",
    plots.kind_recalls,
    of="both",
    caption="Recall of panels by layout, border, caption and content of the composite.",
    alt="Dots with intervals by kind of composite; panels that touch have the lowest recall.",
)

# %%
chapter.add_series("counts", tools.panel_counts(study))
chapter.table("counts", caption="True numbers of panels against those of the fitted cuts.")

# %% [markdown]
# ## False alarms
#
# For a collection that is mostly single photographs, this table matters most. Each false alarm
# cuts a good photograph in two, often through the lesion. About half of the phantom's single
# pictures show such a line, far more than an atlas would have, so the rates are on the harsh side.

# %%
chapter.add_series("alarms", tools.alarm_table(study))
chapter.table(
    "alarms",
    caption="Single pictures that were split, by the line that they show, with Wilson intervals.",
    formats=dict.fromkeys(["share", "low", "high"], ".3f"),
)

# %%
chapter.picture(
    "wrong",
    plots.panel_boxes(tools.pictured(study, tools.wrong_ids(study)), phantom=True),
    collection=judging,
    caption="Pictures that the fitted cuts got wrong.",
    alt="Synthetic pictures: composites whose touching panels were missed, singles cut at a line.",
)

# %% [markdown]
# ## Panels as rows
#
# `split_composites` makes a collection of the panels. Nothing is copied: a panel is cut out of its
# parent when it is asked for. Each row says which picture it came from and where it lay, and keeps
# the picture's label and group.

# %%
cut = panels.split_composites(judging, study.found[tools.FITTED])
cut.table[["group", "parent", "panel", "panels_found", "x0", "y0", "x1", "y1"]].head(5)

# %% [markdown]
# The group is what keeps panels of one picture together. Divide the same rows by lot, as R3 divided
# its images, and count the test panels with a sibling in train:

# %%
chapter.add_series("leak", tools.leak_table(cut, seed=seed))
chapter.table(
    "leak",
    caption="Test panels with a panel of the same picture in train, by how the rows were divided.",
    formats={"share": ".3f"},
)

# %% [markdown]
# ## A real collection
#
# Nobody has drawn boxes on the panels of Fitzpatrick17k, so what a detector finds there can be
# counted and not judged. A count without error rates says little: if one photograph in a hundred is
# a composite and one in ten is split wrongly, most of what is called a composite is none. The last
# row turns the share around by the phantom's error rates (Rogan and Gladen 1978). Real photographs
# are not phantoms, so take it as a warning about the first row, not as an estimate.

# %%
real = tools.real_collection(scan, images=scan_images, seed=seed)
chapter.uses(real or judging)
chapter.add_series("scan", tools.scan_table(real, study, scored[tools.FITTED]))
chapter.table(
    "scan",
    of="both",
    caption="What the fitted cuts call composites in the collection that the last column names, "
    "with Wilson intervals. No truth is known.",
    formats=dict.fromkeys(["share", "low", "high"], ".3f"),
)

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.composite_images)

# %% [markdown]
# R0's sentence is a verdict without a count, on pictures that nobody has annotated, by a network
# that it does not name further. It cannot be compared; what can be said is why the attempt was
# likely to end as it did.

# %%
chapter.finding("0.7", **tools.finding(scored, network))
chapter.findings_table()

# %% [markdown]
# ## Exercises
#
# 1. Work out the F1 of *whole* from the numbers of panels alone, and check it in the table.
# 2. Two boxes of 60 × 80 pixels lie over each other, shifted by 20 pixels along the longer side.
#    What is their IoU? Does the pair count at .5?
# 3. A collection has 2 % composites. With the recall and the false alarms of the fitted cuts, what
#    share of the pictures that it calls composites are composites? Which setting would you choose?
# 4. Write a rule of your own: a function of `Candidates` that returns a number from 0 to 1 for
#    each, and give it to `panels.cut_panels`. Start with the product of two features.
# 5. Run with `-p height=64 -p width=85`. Which detector suffers most, and why?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. It finds one box a picture and is right on the single ones: F1 is twice the number of single
#    pictures, divided by the number of pictures plus the number of panels. A composite's first
#    panel may also cover more than half of the picture, which adds a little.
# 2. They share 60 × 60 pixels and cover 60 × 100 together: .6, so it counts at .5 and not at .75.
# 3. With recall r and false alarms a the share is .02 r / (.02 r + .98 a). Unless a is far below
#    .02, most calls are wrong. Choose a higher threshold: recall falls slowly and false alarms
#    fast.
# 4. `panels.cut_panels(picture, lambda c: c.column("step") * c.column("alone").clip(0, 1), 0.5)`.
#    Tune its threshold on one phantom and judge it on another.
# 5. `dermbook run composite-images -p height=64 -p width=85`. Borders become one pixel wide and
#    compression blurs them into the panels, so the flood leaks or dries up first.
# ```

# %%
chapter.close()
