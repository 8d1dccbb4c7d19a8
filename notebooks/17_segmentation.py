# ---
# jupyter:
#   dermbook:
#     chapter: segmentation
#     title: Segmentation
#     question: Which pixels are lesion, and what do the Dice and IoU that R3 reports stand for?
#     description: U-Nets and simple baselines that outline lesions, judged by picture and by pixel
#     part: III
#     needs: []
#     rows: ["3.10"]
#     lessons: [M13]
#     accelerator: optional
#     minutes: {quick: 1.1, laptop: 27.1}
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
# # Segmentation
#
# **Question.** Which pixels are lesion, and what do the Dice and IoU that R3 reports stand for?
#
# A classifier says *what* a lesion is; segmentation says *where* it is. R3 trained a U-Net
# {cite}`ronneberger2015unet` on the masks that belong to HAM10000
# {cite}`tschandl2020collaboration`, and reports two numbers: a Dice of .8581 and an IoU of .7515.
# It says neither which part they were measured on nor what they are means of. The second question
# can be answered from the numbers alone, the first one only by doing it again.
#
# ## What you will be able to do
#
# - build a U-Net and say what each of its parts is for;
# - move a picture and its mask *alike*, so that augmentation does not spoil the truth;
# - choose between cross-entropy and Dice as a loss, and between transposed convolutions and
#   bilinear upsampling, by measuring;
# - judge masks by overlap and by distance, with intervals, and beside methods without a network;
# - tell from two rounded numbers how they were averaged.
#
# ## What it needs
#
# No other chapter. A GPU helps and is not needed. Pictures and masks are scaled to the networks'
# size once. Every method is judged at one size, the same for all. In the `quick` edition all is
# done on the **phantom**, whose masks are exact; in `laptop` on photographs, whose masks were drawn
# by a network and corrected by a dermatologist. Only phantom pictures are ever shown.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split, first weights, order of images and bootstrap
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 400  # how many pictures; 0 takes all of an imported collection
height: int = 48  # pixels, of the masks that all methods are judged by
width: int = 64  # pixels, of the masks that all methods are judged by
network_height: int = 24  # pixels, of the pictures that the networks see
network_width: int = 32  # pixels, of the pictures that the networks see
filters: int = 8  # maps of a U-Net at full size; twice as many after each halving
depth: int = 2  # halvings
recipes: list[str] = ["transposed", "bilinear"]  # compared; the first is R3's
recipe_images: int = 0  # training images of each of these; 0 takes all
recipe_epochs: int = 5  # passes over them
epochs: int = 0  # of the best recipe on the whole training part; 0 tests its network as it is
batch_size: int = 16  # images a step
learning_rate: float = 0.005  # of Adam at first; falls to zero along a cosine
watched: int = 500  # validation images that choose the epoch; 0 takes all
flips: bool = True  # the tested network predicts each picture and its mirrorings

# %% [markdown]
# ## Without a network
#
# What a network finds is worth what it adds to simpler ways. Three of them:
#
# - the **mean mask**: how often each pixel is lesion in the training part. It looks at no picture,
#   and still finds most of many lesions, because photographers center them;
# - **Otsu**: the threshold between dark and light that separates the grey values best
#   {cite}`otsu1979threshold`, and of the dark patches the one best placed;
# - **distance from skin colour**: the median colour of a ring along the border is taken for skin,
#   and a logistic regression, fitted to pixels of the training part, says how likely a difference
#   from it is lesion.
#
# Each gives a map. What is at or above a threshold is lesion, perhaps after keeping only the
# largest patch and filling its holes. Both choices are made on the **validation** part, by the mean
# Dice, for each method alike.

# %%
from dermbook import plots
from dermbook.data import load_collection, load_split
from dermbook.publishing import open_chapter, segmentation, summaries

chapter = open_chapter("segmentation", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
split = load_split(lesions, seed=seed)
chapter.uses(lesions, split)
chapter.parameter_table()

# %%
with chapter.timing("pictures and masks"):
    material = segmentation.material(
        lesions, split, height=height, width=width,
        network_height=network_height, network_width=network_width,
    )  # fmt: skip

# %%
with chapter.timing("baselines"):
    simple = segmentation.baselines(material, seed=seed)
chapter.add_series("baselines", segmentation.validation_table(simple, material, seed=seed))
chapter.table(
    "baselines",
    caption="Methods without a network on the validation part: the chosen threshold, mean Dice "
    "with its 95 % interval, and the difference from the first.",
    formats={
        "dice": ".3f", "low": ".3f", "high": ".3f",
        "difference": "+.3f", "d_low": "+.3f", "d_high": "+.3f",
    },
)  # fmt: skip

# %% [markdown]
# ## A U-Net, and how to train one
#
# A U-Net goes down and up again. On the way down, blocks of two convolutions alternate with
# poolings: the maps get smaller, and each number sees more of the picture. On the way up, maps are
# enlarged and joined with those of the same size from the way down. What the picture shows comes
# from below, and where exactly from the side. A last convolution gives one number a pixel, a logit.
# Sides that the poolings do not divide are padded inside the network and cropped at the end.
#
# R3 names two ways to enlarge maps, **transposed** convolutions, which learn how, and **bilinear**
# interpolation, which does not; and one loss, binary cross-entropy. That loss counts pixels: a
# large lesion counts more than a small one. Soft Dice {cite}`milletari2016vnet` puts probabilities
# in the place of decisions in the Dice of each picture, so all pictures count alike. *Mixed* is
# the mean of both. *Moved* adds augmentation: flips, turns, zoom, applied to picture and mask
# alike, and changes of light, applied to the picture only. Each recipe is trained briefly, from
# the same first weights wherever the networks are the same, on the same images in the same order.

# %%
course = segmentation.course_of(
    chapter, width=filters, depth=depth, batch_size=batch_size, learning_rate=learning_rate,
    watched=watched,
)  # fmt: skip
with chapter.timing("recipes"):
    tried = segmentation.try_recipes(
        recipes, material, course, images=recipe_images, epochs=recipe_epochs, seed=seed
    )

# %%
chapter.add_series("recipes", segmentation.validation_table(tried, material, seed=seed))
chapter.table(
    "recipes",
    caption="Recipes after a short training, on the validation part: mean Dice, and the "
    "difference from the first recipe on the same lesions, with 95 % intervals.",
    formats={
        "dice": ".3f", "low": ".3f", "high": ".3f",
        "difference": "+.3f", "d_low": "+.3f", "d_high": "+.3f",
    },
)  # fmt: skip

# %% [markdown]
# One seed and a short training cannot rank recipes that lie close together: the intervals are over
# lesions, not over seeds, and augmentation pays only in long trainings. The recipe with the highest
# mean goes on, with all training images (in the `quick` edition its network is tested as it is).
# The learning rate of each training falls along a cosine {cite}`loshchilov2017sgdr`. The tested
# network predicts each picture together with its three mirrorings.

# %%
with chapter.timing("training"):
    unet = segmentation.train_all(tried, material, course, epochs=epochs, seed=seed, flips=flips)

# %%
chapter.add_learning_curves(segmentation.networks([*tried, unet]))
chapter.figure(
    "learning-curves",
    plots.dice_curves,
    caption="Mean Dice by epoch at a threshold of one half: the recipes (seg-…) and, where it was "
    "trained anew, the network that is tested (unet).",
    alt="One panel a network: training Dice dashed, validation Dice solid, the kept epoch marked.",
)

# %%
chosen = unet.table.assign(
    chosen=(unet.table["threshold"] == unet.decision.threshold)
    & (unet.table["cleaned"] == unet.decision.cleaned)
)
chapter.add_series("decisions", chosen)
chapter.figure(
    "decisions",
    plots.decision_curves,
    caption="The network's Dice on the validation part by threshold: how much hangs on the choice.",
    alt="Three flat curves of Dice over the threshold with a maximum in the middle.",
)

# %% [markdown]
# ## On the test part
#
# Now, once, the test part. **Dice** is twice the common area over the sum of both areas, **IoU**
# (or Jaccard) the common area over the united one. The *threshold Jaccard* is the score of the ISIC
# 2018 challenge {cite}`codella2019isic2018`: the IoU of a picture, or nothing if it is below .65.
# Overlap hardly sees a ragged border, so two distances are measured as well, in pixels of the masks
# judged here: from each border to the nearest point of the other, as a mean and as the 95th
# percentile of Hausdorff's distance {cite}`taha2015metrics`. Where only one of the masks is empty,
# Dice is 0 and there is no distance.

# %%
methods = [*simple, *tried, unet]
with chapter.timing("test"):
    judged, scores = segmentation.judge_all(chapter, methods, material, seed=seed)
chapter.add_series("scores", scores)
chapter.figure(
    "scores",
    plots.metric_intervals,
    metrics=["dice", "iou", "threshold_jaccard", "dice_pooled", "iou_pooled"],
    caption="Test scores of all methods with 95 % intervals over lesions.",
    alt="Dots with intervals: five scores, in each a row a method.",
)

# %%
chapter.table(
    "scores",
    shape=segmentation.wide_scores,
    caption="All test scores, distances in pixels of the masks that are judged.",
    formats={
        "dice": ".3f", "iou": ".3f", "threshold_jaccard": ".3f", "dice_pooled": ".3f",
        "iou_pooled": ".3f", "surface_distance": ".2f", "hausdorff_95": ".2f",
    },
)  # fmt: skip

# %%
chapter.add_series("gains", segmentation.gain_table(methods, judged, material, seed=seed))
chapter.table(
    "gains",
    caption="What the U-Net adds to the baseline that was best on the validation part: test "
    "part, second minus first, 95 % intervals. A distance is better when it is smaller.",
    formats={
        "first": ".3f", "second": ".3f", "value": "+.3f", "low": "+.3f", "high": "+.3f",
    },
)  # fmt: skip

# %% [markdown]
# ## A mean of what?
#
# For one pair of masks IoU and Dice say the same: $\mathrm{IoU} = D / (2 - D)$. So it is for the
# pixels of all pictures together. But that curve bends upwards, so the *mean* IoU of pictures lies
# above the curve at the *mean* Dice, the more so the more pictures differ. R3's pair lies *on* it,
# up to rounding. From the bend follows a bound: had both been means over pictures, their Dice could
# hardly have differed between pictures. So pixels were pooled (lesson M13). A loop that pools each
# batch and then takes means over batches, as many training scripts do, lies in between.

# %%
pictures = segmentation.picture_table(judged, material)
chapter.add_series("pictures", pictures)
chapter.add_series("averages", segmentation.averages(judged["unet"], seed=seed))
chapter.figure(
    "averages",
    plots.dice_against_iou,
    pictures=chapter.series("pictures"),
    caption="The U-Net's test masks, averaged in several ways, and R3's pair. Left: on the curve "
    "D / (2 − D), with single pictures of this run. Right: how far above the curve.",
    alt="A rising curve with points on it; a second panel where only means lie above zero.",
)

# %%
chapter.table(
    "averages",
    caption="Dice and IoU of the same masks by way of averaging, the IoU expected from that Dice, "
    "and the gap.",
    formats={"dice": ".4f", "iou": ".4f", "expected": ".4f", "gap": "+.5f"},
)

# %% [markdown]
# Which is right? Both are, for different questions. Pooled Dice asks how many pixels are right, and
# large lesions decide. The mean asks how good the mask of a *picture* will be, and a patient has
# one. A report has to say which it is.
#
# ## Where it fails
#
# By class, then by size: a mistake of one pixel along the border costs a small lesion more Dice
# than a large one.

# %%
chapter.add_series("classes", segmentation.class_quantiles(pictures))
chapter.figure(
    "classes",
    plots.quantile_ranges,
    label="Dice of a test picture",
    caption="Dice of the U-Net's test masks by class: median, middle half, and middle 90 %.",
    alt="One bar a class; long tails to the left.",
)

# %%
chapter.figure(
    "pictures",
    plots.size_and_dice,
    caption="Dice of each test picture by the share of it that is lesion.",
    alt="A cloud of points, high for middling lesions, with a line through medians.",
)

# %%
chapter.table(
    "pictures",
    shape=lambda frame: frame.head(10),
    caption="The ten test pictures with the lowest Dice, by id. Whoever holds the photographs can "
    "look: a lesion that fills the picture, hair, ink, or a mask that is itself wrong.",
    formats={"share": ".3f", "dice": ".3f", "iou": ".3f", "surface": ".1f", "dice_otsu": ".3f"},
)

# %% [markdown]
# ## Outlines
#
# R3 looked at random views. These are phantom pictures that no network was trained on; in an
# edition on photographs, the network has never seen a phantom at all, and what it makes of them
# shows how far it carries.

# %%
unseen = segmentation.unseen_phantoms(material, seed=seed)
chapter.picture(
    "outlines",
    plots.mask_outlines(segmentation.overlays(unet, material, unseen, seed=seed)),
    collection=unseen,
    caption="True outlines (white) and those that the U-Net found (dashed).",
    alt="Eight phantom lesions with two outlines each, mostly on top of each other.",
)

# %% [markdown]
# ## What we found
#
# Rules of the verdicts. Row 3.10 is *confirmed* if the 95 % interval of the U-Net's pooled Dice
# reaches R3's value or lies above it. M13 is *confirmed* if R3's pair fits the curve within
# rounding and the means over pictures of this run do not.

# %%
segmentation.add_findings(chapter)
chapter.summary(summaries.segmentation)

# %%
chapter.findings_table()

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. Two pictures have a Dice of 1 and of 0.5. Compute the mean Dice, the mean IoU, and the IoU that
#    the curve gives for the mean Dice.
# 2. A mask is turned with bilinear interpolation in place of the nearest pixel. What goes wrong,
#    and which loss would notice?
# 3. Why does soft Dice need the constant that is added above and below the line?
# 4. The masks that come with a collection were drawn with the help of a network. What does that do
#    to the score of another network?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Mean Dice 0.75. IoUs are 1 and 1/3, their mean is 2/3. The curve gives 0.75 / 1.25 = 0.6, so
# the mean lies 0.067 above it. 2. Pixels along the border get values between 0 and 1; taken as
# integers they all become 0, and the lesion shrinks. Cross-entropy accepts fractions without a
# word. 3. Without it, a picture without lesion has the loss 1 whatever is predicted (or zero by
# zero), and so no gradient. 4. It favours networks that err alike: an outline as smooth as
# networks draw them fits better than a careful one. The score says how well the collection's way
# of drawing is met.
# ```

# %%
chapter.close()
