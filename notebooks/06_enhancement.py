# ---
# jupyter:
#   dermbook:
#     chapter: enhancement
#     title: Image enhancement
#     question: Do contrast filters and hair removal make pictures better, and a classifier too?
#     description: CLAHE, median blur, DullRazor, denoising, cropping, judged by truth and by score
#     part: II
#     needs: []
#     rows: ["0.4", "0.5", "0.16", "0.17", "1.17"]
#     lessons: []
#     accelerator: optional
#     minutes: {quick: 0.5, laptop: 47.1}
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
# # Image enhancement
#
# **Question.** Do contrast filters and hair removal make pictures better, and a classifier too?
#
# A skin lesion photographed through hair, under weak light, with a noisy camera: surely cleaning
# the picture first must help. One report (R0) tried. It ran its photographs through a contrast
# filter in four settings, a blur, a hair remover, and two combinations, saw no gain, and dropped
# them all. It gives no numbers. Two reports name what they would try next: cropping to the lesion
# (R0) and denoising (R1). This chapter asks both halves of the question. Is the filtered picture
# nearer to the truth? Only a phantom can answer that, because only there the same skin without
# hair exists. And does a classifier score higher? That takes repeated trainings, and intervals.
#
# ## What you will be able to do
#
# - explain histogram equalisation, and why CLAHE cuts the picture into tiles and clips;
# - say what the L in LAB is, and why one would change it alone;
# - find hair, remove it, and measure what was gained on the hair and lost beside it;
# - choose a threshold on some pictures and judge it on others;
# - decide whether a preprocessing step helps a model, and when "no gain" is an answer.
#
# ## What it needs
#
# No other chapter. The `quick` edition filters **phantom** pictures and trains a linear model on
# measures of their texture, which takes half a minute. The `laptop` edition uses HAM10000: the
# features of a frozen network, and a small network trained from scratch, as R0 did. An accelerator
# helps with the latter.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantoms, and of which part of a real collection is taken
collection: str = "phantom"  # what the classifiers learn from: phantom, or ham10000
images: int = 350  # how many pictures for the classifiers; 0 takes all of an imported collection
height: int = 96  # pixels, of a phantom picture, and of what the linear model's vectors see
width: int = 128  # pixels, likewise
filters: list[str] = ["all"]  # which filters the linear model tries, by name, or all of them
repeats: int = 5  # splits on which the linear model is trained, with the seeds 0, 1, 2 …
backbone: str = "texture"  # what makes its vectors: texture, or a frozen network like mobilenetv2
weights: str = "imagenet"  # of that network: imagenet or random
cnn_filters: list[str] = []  # which filters a network trained from scratch tries; [] for none
cnn_repeats: int = 5  # how often that network is trained with each, with the seeds 0, 1, 2 …
cnn_height: int = 48  # pixels, of the images as that network sees them
cnn_width: int = 64  # pixels, of the images as that network sees them
cnn_channels: list[int] = [16, 32, 64]  # of its convolutions (R2's network: 32, 64, 128)
cnn_epochs: int = 15  # passes over its training part, at most
cnn_patience: int = 10  # epochs without a better validation loss before its training stops
phantom_filters: list[str] = []  # which filters that network tries on the phantom; [] for none
phantom_images: int = 700  # how many phantom pictures for it, equally many a class
judged: int = 10  # phantom pictures in each band of hair that the hair removers are judged on
thresholds: list[float] = [5, 10, 20, 30, 40, 60]  # grey levels tried for the hair removers

# %% [markdown]
# ## Equalising a histogram
#
# A histogram says how many pixels have each grey value. Where all pixels crowd into a few values
# the picture looks flat. Equalisation stretches it: each value is replaced by its **rank**, the
# share of pixels that are as dark or darker. Crowded values move apart, empty stretches close, and
# the curve of ranks becomes a straight line.
#
# It works on one number a pixel, and a colour has three. Equalising red, green and blue one by one
# changes colours, since each channel is stretched differently. So pictures are often taken to
# **CIELAB** first: L is the lightness, a says how green or red, b how blue or yellow. Equalise L,
# go back, and the hue stays.

# %%
import pandas as pd

from dermbook import plots
from dermbook.data import load_collection
from dermbook.evaluation import enhancement
from dermbook.imaging.filters import FILTERS, filter_table
from dermbook.publishing import open_chapter, summaries

chapter = open_chapter("enhancement", globals())
lesions = enhancement.lesions_to_filter(
    collection, images=images, height=height, width=width, seed=seed
)
splits = enhancement.seed_splits(lesions, range(repeats))
chapter.uses(lesions, splits[0])
chapter.parameter_table()

# %%
truth = load_collection("phantom", images=700, height=150, width=200, seed=seed)
hairy = enhancement.pick_by_hair(truth, judged)
chapter.picture(
    "equalisation",
    plots.equalisation(truth, truth.ids[4]),
    collection=truth,
    caption="One picture as it is, with L equalised, and with CLAHE. Below: how many pixels have "
    "each lightness (bars), and the share that is as dark or darker (line).",
    alt="Three versions of a lesion over histograms; equalised, the line of ranks is straight.",
)

# %% [markdown]
# Plain equalisation does too much. Skin that is nearly even has a narrow histogram, so its noise is
# stretched until it shows. Contrast-limited adaptive histogram equalisation, **CLAHE**
# {cite}`zuiderveld1994clahe`, mends that twice. It works in **tiles** and blends between them, so
# that a dark corner does not decide about the middle. And it **clips**: a grey value may count for
# at most `clip` times its even share, and the surplus is spread over all values, which limits how
# steep the curve can get.

# %% [markdown]
# ## R0's recipes
#
# R0 shows four settings of CLAHE (its figures 3 to 6). Figure 3, clip 2 with 7×7 tiles, names no
# colour space, so we take R, G and B one by one. Figures 4 and 5 name LAB and no tiles: 8×8,
# OpenCV's own. Figure 5 says "enhanced", which we take to name the outcome, not a further step: in
# much copied code the result is called so. Figure 6 has a single tile, so it is clipped but not
# adaptive. The combinations name a "figure X"; we take figure 3.
#
# Filters run on the picture as it is stored, before it is made smaller. Their lengths are given at
# a stated width and shrink with the picture.

# %%
chapter.add_series("filters", filter_table())
chapter.table("filters", caption="The filters, and the report's row that names each.")

# %%
chapter.picture(
    "gallery",
    plots.filter_gallery(truth, [hairy[judged]], list(FILTERS)),
    collection=truth,
    caption="One picture as it is, then through each filter. Look at the skin around the lesion.",
    alt="A lesion with hairs twelve times: plain, with stronger contrast, blurred, without hair.",
)

# %% [markdown]
# ## Removing hair: two algorithms of one name
#
# **DullRazor** {cite}`lee1997dullrazor` finds hair in two steps. First, a *closing* of each colour
# channel with a line removes whatever is dark and thinner than the line; what differs from the
# picture by more than a threshold is a candidate. Lines in three directions are tried. Second, each
# candidate's shape is checked: a straight run through it must be long one way and short across.
# Hair pixels are replaced by a mixture of the nearest skin on both sides, and a median smooths the
# seam.
#
# R0's text describes that algorithm. The code it cites does something else: a black-hat (a closing
# minus the picture), a threshold, and OpenCV's inpainting {cite}`telea2004inpainting`. There is no
# look at the shape. We call it the *short version* and test both. (The published algorithm checks
# shapes in four directions; hair in between is never long in any. We try 24.)

# %%
chapter.picture(
    "hair",
    plots.hair_gallery(truth, [hairy[judged + 1], hairy[-1]]),
    collection=truth,
    caption="Two pictures with hair. Above each: DullRazor's mask and result, and the same skin "
    "that never had hair. Below: where hair is, and the short version's mask and result.",
    alt="Lesions crossed by hair, masks of two hair removers, their results, and the truth.",
)

# %% [markdown]
# ## Judged against the truth
#
# The phantom draws each photograph twice, with and without hair; all else is equal to the last
# pixel. So every change can be put into one of two accounts: on hair pixels a remover can gain, on
# all others it can only do harm. Each number is a mean over pictures, its interval a bootstrap over
# lesions.
#
# PSNR sums squared errors over the picture, in decibels; SSIM {cite}`wang2004ssim` compares means,
# contrasts and patterns in small windows, 1 being equal. Both mix the two accounts.

# %%
scores = enhancement.judge_removal(truth, hairy)
chapter.add_series("removal", enhancement.removal_scores(scores))
chapter.figure(
    "removal",
    plots.removal_scores,
    caption="Phantom. Errors on hair pixels, on the lesion's and the skin's other pixels, and "
    "likeness as a whole, for each method.",
    alt="Dots with intervals: the short version has least error on hair and most in the lesion.",
)

# %%
chapter.table(
    "removal",
    shape=summaries.removal_rows,
    caption="Phantom. The same in numbers, with recall, precision and overlap (IoU) of the masks.",
)

# %% [markdown]
# Does it pay? That depends on how much hair there is.

# %%
chapter.add_series("by-hair", enhancement.removal_by_hair(scores))
chapter.figure(
    "by-hair",
    plots.method_groups,
    group="band",
    label="PSNR gained, dB",
    caption="Phantom. PSNR with each method minus PSNR untouched, by amount of hair.",
    alt="Gains of three methods in three bands of hair, with wide intervals about zero and above.",
)

# %% [markdown]
# ## Where it harms
#
# Hair is dark and thin. So are the lines of a pigment network, and streaks at a lesion's border,
# two of the signs that doctors look for. Here the removers get the photographs that *never had*
# hair: whatever they change in the lesion is harm.

# %%
lines = enhancement.judge_removal(truth, enhancement.pick_by_structure(truth, judged))
chapter.add_series("harm", enhancement.harm_by_structure(lines))
chapter.figure(
    "harm",
    plots.method_groups,
    group="structure",
    label="mean change of the lesion, grey levels",
    caption="Phantom. What each method changes in lesions without hair, by their dark thin lines.",
    alt="Changes by structure: all methods change lesions with streaks or a network most.",
)

# %% [markdown]
# ## Can a better threshold save it?
#
# The threshold is chosen on one phantom collection (dashed) and judged on another (solid; the
# circle is what was chosen). Judging on the pictures it was chosen on would flatter it.

# %%
others = [
    load_collection("phantom", images=300, height=150, width=200, seed=seed + offset)
    for offset in (1001, 1002)
]
study = enhancement.threshold_study(*others, thresholds, each=judged // 2 + 1)
chapter.add_series("thresholds", study)
chapter.figure(
    "thresholds",
    plots.threshold_curves,
    caption="Phantom. Mean error over all pixels by threshold; lower is better.",
    alt="Error of two removers by threshold; low thresholds are the worst for both.",
)

# %% [markdown]
# ## What it costs
#
# Time on one core, against decoding and resizing alone. Since filtered pictures are cached, it is
# paid once a filter and not once an epoch.

# %%
chapter.add_series("speed", enhancement.throughput(truth, images=12, repeats=2))
chapter.figure(
    "speed",
    plots.filter_speed,
    caption="Time to read a 150×200 phantom picture with each filter, as a multiple of reading it "
    "without, and the filter's own speed.",
    alt="Bars of relative time; median is nearly free, non-local means is by far the dearest.",
)

# %% [markdown]
# ## Does a classifier care?
#
# Each filter stands before training, validation and test alike, on the same splits and with the
# same seeds as without it. One training says little: another seed moves the score by points. So
# all is repeated over seeds, and the interval of the *difference* resamples lesions and seeds.
#
# Eleven filters give eleven intervals, and one of them may miss zero by chance. The verdict
# therefore rests on wider intervals (the thin lines), which hold all together with 95 %. "No
# difference shown" is not "no difference": read how far the interval reaches.

# %%
effects, plain = enhancement.head_effects(
    lesions, splits, filters, height=height, width=width, backbone=backbone, weights=weights
)
chapter.add_predictions(plain)

# %% [markdown]
# R0 tried its combinations on its CNN. A network trained from scratch takes minutes for each seed
# and filter, so the `quick` edition leaves it out; `-p cnn_filters='[clahe-dullrazor]'` adds it.
# Its classes are weighted, and the best epoch is chosen on the validation part.

# %%
if cnn_filters:
    cnn, plain_cnn = enhancement.cnn_effects(
        lesions, enhancement.seed_splits(lesions, range(cnn_repeats)), cnn_filters,
        height=cnn_height, width=cnn_width, epochs=cnn_epochs, patience=cnn_patience,
        options=enhancement.lean(cnn_channels),
    )  # fmt: skip
    chapter.add_predictions(plain_cnn)
    effects = pd.concat([effects, cnn], ignore_index=True)

# %%
chapter.add_series("effects", effects)
chapter.figure(
    "effects",
    plots.filter_effects,
    caption="Balanced accuracy with each filter minus without. Thick: 95 % interval. Thin: "
    "intervals that hold for all filters together.",
    alt="Differences with intervals for each filter; most include zero.",
)

# %%
chapter.table(
    "effects",
    shape=summaries.effect_rows,
    caption="What each filter adds to balanced accuracy and macro F1, with 95 % intervals.",
)

# %% [markdown]
# ### Where the truth is known
#
# On the phantom we know what there is to gain: contrast varies between pictures, hair hides skin,
# and noise is added. If a filter does not help this network here, it is not for lack of something
# to mend. (Only where `phantom_filters` names some; `["all"]` takes every one.)

# %%
if phantom_filters:
    twin = enhancement.lesions_to_filter(
        "phantom", images=phantom_images, height=96, width=128, seed=seed
    )
    on_phantom, _ = enhancement.cnn_effects(
        twin, enhancement.seed_splits(twin, range(cnn_repeats)), phantom_filters,
        height=cnn_height, width=cnn_width, epochs=cnn_epochs, patience=cnn_patience,
        options=enhancement.lean(cnn_channels),
    )  # fmt: skip
    chapter.add_series("phantom-effects", on_phantom)
    chapter.figure(
        "phantom-effects",
        plots.filter_effects,
        of="phantom",
        caption="Balanced accuracy of a network trained from scratch on the phantom, with each "
        "filter minus without. Thick: 95 % interval. Thin: for all filters together.",
        alt="Differences with intervals for each filter on the phantom.",
    )

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.enhancement)

# %% [markdown]
# R0 reports no gain and no numbers. So what can be confirmed is the verdict, not its size. An
# interval that holds zero does not yet say "no gain": it may be wide. It must also rule out a rise
# of macro F1 as large as one that R0 saw elsewhere and called none (the chapter *Class imbalance*
# shows it in R0's own tables).

# %%
for row in ("0.4", "0.5", "0.17", "1.17"):
    chapter.finding(
        row, **summaries.filter_finding(chapter.series("effects"), row, phantom=lesions.phantom)
    )
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. A picture has only the grey values 100 and 110, half of its pixels each. What does
#    equalisation make of it? And what would a clip of 1 do?
# 2. Why is the error on hair pixels not zero for a remover that finds every hair?
# 3. A colleague filters the test part only, "to help the model see". What will happen?
# 4. Someone tries twenty filters on one split, with one seed, and publishes the best. What is
#    wrong, and how large a gain would you expect from filters that do nothing?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. The darker value becomes the lowest rank and the brighter the highest: black and white. With a
#    clip of 1 no value may count for more than its even share, the surplus is spread evenly, and
#    the curve of ranks is nearly a straight line: the picture stays as it was.
# 2. The skin under the hair is not in the picture. It is guessed from its surroundings, and where
#    a hair runs along a line of the lesion, the guess is wrong.
# 3. The model meets pictures unlike those it learnt from. Even a filter that improves pictures then
#    lowers the score; it is the same fault as scaling the test part differently (lesson M4).
# 4. The best of twenty draws of noise is no measurement: with a standard deviation of two points,
#    the largest of twenty is nearly two deviations above zero, so about four points from nothing.
#    Repeat over seeds, take the interval for all twenty together, and test the winner anew.
# ```

# %%
chapter.close()
