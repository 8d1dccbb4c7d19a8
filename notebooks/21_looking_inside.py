# ---
# jupyter:
#   dermbook:
#     chapter: looking-inside
#     title: Looking inside
#     question: Where does a network look, and does it look at the lesion?
#     description: Activation maps by depth, Grad-CAM against lesion masks, random weights, and errors
#     part: V
#     needs: [fine-tuning]
#     rows: ["0.17", "1.15", "1.17", "3.9"]
#     lessons: []
#     accelerator: optional
#     minutes: {quick: 0.4, laptop: 2.0}
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
# # Looking inside
#
# **Question.** Where does a network look, and does it look at the lesion?
#
# R1 drew what five layers of its network answer to one mole, and a row of errors. R3 showed
# pictures that its networks got right and wrong. R0 wished for Grad-CAM, which "tracks where the
# models are looking", to fix the models with it. A picture convinces quickly, and proves little: it
# shows one case, chosen by somebody. HAM10000 comes with a mask of every lesion, so the question
# can be put to *all* test pictures and answered with numbers. And with numbers it can be asked what
# a network that knows nothing would have scored.
#
# ## What you will be able to do
#
# - say what an activation map shows, and how it changes with depth;
# - compute Grad-CAM for any layer at which a network can be cut, and know its resolution;
# - judge heat against lesion masks, beside baselines that look at no picture;
# - check an explanation by destroying what it is said to explain;
# - report errors without showing a patient.
#
# ## What it needs
#
# The network that *fine-tuning* kept, with its predictions of the test part. Networks are not
# published, so that chapter has to be run first, in the same edition. A GPU helps and is not
# needed. On photographs this chapter gives numbers and image ids only; every picture below is a
# **phantom**.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, the split, random weights and bootstrap; that of fine-tuning
collection: str = "phantom"  # as in fine-tuning: phantom, or ham10000
images: int = 700  # as in fine-tuning: how many pictures; 0 takes all of an imported collection
height: int = 48  # as in fine-tuning: pixels, of generated pictures
width: int = 64  # as in fine-tuning: pixels, of generated pictures
backbone: str = "tiny"  # as in fine-tuning: best_backbone
judged: int = 0  # test pictures that are looked at; 0 takes all
draws: int = 3  # times that random weights are drawn
grids: int = 2  # sizes of maps that Grad-CAM is computed on, the last maps first
tolerance: float = 0.0  # pixels that the hottest pixel may lie beside the lesion
spread: float = 0.25  # standard deviation of heat in the middle, as a share of each side

# %% [markdown]
# ## The network and its mistakes
#
# The network names one of seven classes. Who is taken for whom says more than an accuracy. R1
# remarked that the malignant lesions which its model missed look like naevi; the table counts it.

# %%
from dermbook import plots
from dermbook.data import load_collection, load_split
from dermbook.publishing import looking_inside, open_chapter, summaries

chapter = open_chapter("looking-inside", globals())
lesions = load_collection(collection, images=images, height=height, width=width, seed=seed)
network = chapter.needed_model("fine-tuning", f"{backbone}-fine-tuned")
predictions = chapter.needed_predictions("fine-tuning", f"{backbone}-fine-tuned", "test")
chapter.uses(lesions, load_split(lesions, seed=seed))
chapter.parameter_table()

# %%
chapter.add_series("mistakes", looking_inside.mistakes(predictions))
chapter.table(
    "mistakes",
    caption="Test pictures by class: how many were named wrongly, as what most often, and the "
    "share of that among the wrong ones.",
    formats={"share": ".2f"},
)

# %% [markdown]
# ## What layers answer, by depth
#
# A convolution slides small filters over what it is given; each filter answers with a map, high
# where it finds its pattern. R1 drew maps of the layers 1, 4, 101, 200 and 299 of InceptionV3. The
# table names the activations that lie equally deep in the network at hand. Maps shrink on the way
# down: each place then speaks for a larger part of the picture.

# %%
of = looking_inside.subject(network, lesions, predictions, judged=judged, seed=seed)
layers = looking_inside.layer_table(of)
chapter.add_series("layers", layers)
chapter.table(
    "layers",
    caption="Layers that lie as deep as those that R1 drew; r1: its numbers. Depth 0 is the first "
    "layer, 1 the last; height, width and channels are those of the maps.",
    formats={"depth": ".2f"},
)

# %%
unseen = looking_inside.unseen_phantoms(seed=seed)
chapter.picture(
    "maps",
    plots.activation_grid(
        looking_inside.activation_pictures(of, unseen, layers),
        heads=["picture", *layers["depth"].map("depth {:.2f}".format)],
    ),
    collection=unseen,
    caption="Maps of three pictures by depth of the layer: the mean over channels, and the channel "
    "that is most active. Bright is active; each map has a scale of its own.",
    alt="Six rows of maps: early ones show edges and hair, late ones are a few coarse patches.",
)

# %% [markdown]
# "More abstract as we progress deeper" is what R1 reads from such maps. Two numbers can be had of
# every picture: the **share of units** that are active at all, and the **contrast** of activity,
# (inside − outside) / (inside + outside) of the lesion mask. At 0 lesion and skin are alike to the
# layer. The same network with random weights, beside it, says what the architecture does with
# brightness and edges alone.

# %%
with chapter.timing("depths"):
    chapter.add_series("depths", looking_inside.depth_table(of, layers, draws=draws, seed=seed))
chapter.figure(
    "depths",
    plots.depth_activity,
    caption="Share of active units, and contrast of activity between lesion and skin, by depth: "
    "means over test pictures with 95 % intervals over lesions.",
    alt="Two panels over depth, each with a line for the trained and one for the random network.",
)

# %% [markdown]
# ## Grad-CAM
#
# Activity is not yet a reason. Grad-CAM {cite}`selvaraju2017gradcam` asks how the *score of a
# class* would change with the maps: the gradient of the score before the softmax, averaged over
# places, weights each channel, and the weighted sum, cut off below 0, is the heat. Where a network
# ends in pooling and one dense layer, as ours does, and the maps are the last ones, this is the
# older class activation map {cite}`zhou2016cam` up to a factor; a test of this book holds it to
# that.
#
# The smooth clouds that one sees in papers come from enlarging a small grid: the last maps of our
# network are a few places wide. Earlier maps have more places, and are further from the answer.
# Below, the finest of the `grids` that this chapter looks at, and the true outline of the lesion.

# %%
chapter.picture(
    "gallery",
    plots.heat_overlays(looking_inside.heat_pictures(of, unseen, grids=grids)),
    collection=unseen,
    caption="The surest errors and the surest right answers on phantoms that the network was not "
    "trained on, each beside the heat of the class it named; the lesion outlined. In the titles "
    "truth, answer and probability.",
    alt="Pairs of a phantom picture and the same under a coarse cloud of heat.",
)

# %% [markdown]
# Galleries like this are what R1 and R3 end with. Cover the titles and try to tell, from the heat
# alone, which answers are right. In an edition on photographs, the network has never seen a
# phantom, and its errors here are those of a stranger.
#
# ## On the lesion, or beside it?
#
# For every test picture, the heat of the class that the network finds most probable. Two scores:
#
# - the **share of heat** inside the lesion mask;
# - the **pointing game** {cite}`zhang2016excitation`: whether the hottest pixel is on the lesion.
#
# And what they have to beat. *Everywhere alike* gives each picture the share of area that its
# lesion covers: chance. *Middle of the picture* is a Gaussian that looks at nothing; photographers
# put lesions there. *Random weights* is Grad-CAM of the same architecture, untrained, for the same
# classes. *The mask itself* is the true mask brought to the grid and enlarged again: what a
# network that knows the lesion exactly could show with so few places.

# %%
with chapter.timing("heat"):
    looks = looking_inside.look(
        of, grids=grids, draws=draws, spread=spread, tolerance=tolerance, seed=seed
    )
chapter.add_series("views", looking_inside.view_table(looks, predictions))
chapter.table(
    "views",
    caption="The pictures looked at. Accuracy of one look, which is what is explained here, and of "
    "the predictions that *fine-tuning* saved; how often both name the same class.",
)

# %%
chapter.add_series("pointing", looking_inside.pointing_scores(looks, seed=seed))
looking_inside.add_scores(chapter, network=f"{backbone}-fine-tuned")
chapter.figure(
    "pointing",
    plots.metric_intervals,
    metrics=["heat_inside", "pointing_hits"],
    caption="Share of heat inside the lesion, and share of pictures whose hottest pixel is on it, "
    "with 95 % intervals over lesions. Numbers behind a method: the places of its grid. Pictures "
    "without any heat are left out; random weights: mean of the draws.",
    alt="Dots with intervals for Grad-CAM on two grids and for its baselines, in two groups.",
)

# %%
chapter.add_series("gains", looking_inside.pointing_gains(looks, seed=seed))
chapter.table(
    "gains",
    caption="Grad-CAM on the last maps minus each of the others, on the same pictures.",
    formats={"first": ".3f", "second": ".3f", "value": "+.3f", "low": "+.3f", "high": "+.3f"},
)

# %% [markdown]
# The pointing game was made for photographs with several objects anywhere. Where there is one
# lesion in the middle, the middle of the picture plays it well, and a score near 1 says little. A
# grid with few places plays it badly, whatever the network knows: with two rows there is no place
# in the middle, and the hottest pixel of an enlarged map lies towards the border. What *the mask
# itself* scores says how much of that is the grid's doing.
#
# ## By class, and when it errs
#
# If heat beside the lesion went with errors, it could warn. But lesions that are named wrongly may
# also be smaller or larger than others, and a larger lesion holds more of any heat. So the area is
# compared as well.

# %%
chapter.add_series("groups", looking_inside.group_table(looks, seed=seed))
chapter.figure(
    "groups",
    plots.heat_by_group,
    caption="Share of heat inside the lesion by true class and by answer, with what even heat and "
    "heat in the middle would reach on the same pictures.",
    alt="One row a group: a dot with its interval, a bar for chance, a diamond for the middle.",
)

# %%
chapter.add_series("right-wrong", looking_inside.right_and_wrong(looks, seed=seed))
chapter.table(
    "right-wrong",
    caption="Right (second) minus wrong answers (first), with 95 % intervals over lesions.",
    formats={"first": ".3f", "second": ".3f", "value": "+.3f", "low": "+.3f", "high": "+.3f"},
)

# %% [markdown]
# ## Does the heat depend on what was learned?
#
# Some explanations look convincing and hardly change when the network is destroyed
# {cite}`adebayo2018sanity`: they show edges of the picture, not reasons of the network. So the
# weights are drawn anew, of the last layer only, then all of them, and the maps of the same
# pictures and classes compared by rank correlation. *Another picture* is the trained network's own
# map of another lesion: what maps share because lesions lie in the middle. An explanation passes
# if the correlation falls to about that.

# %%
chapter.add_series("sanity", looking_inside.sanity_table(looks, seed=seed))
chapter.figure(
    "sanity",
    plots.metric_intervals,
    caption="Rank correlation of the trained network's maps with others, by grid: 1 is the same "
    "order of places, 0 none. Means over pictures with 95 % intervals over lesions.",
    alt="Dots with intervals: last layer random, all weights random, another picture; two grids.",
)

# %% [markdown]
# ## The surest errors
#
# A gallery of errors needs no pictures to be useful: whoever holds the photographs can look them
# up.

# %%
chapter.add_series("errors", looking_inside.error_table(looks))
chapter.table(
    "errors",
    caption="The surest errors of the test part by id: truth, answer, its probability, share of "
    "heat inside the lesion, and the share of the picture that the lesion covers.",
    formats={"probability": ".3f", "heat_inside": ".3f", "area": ".3f"},
)

# %% [markdown]
# ## What we found
#
# None of the three rows can be *confirmed*: R1 and R3 show pictures and print no numbers, and R0
# only wished. The findings say what was measured in their place.

# %%
looking_inside.add_findings(chapter)
chapter.summary(summaries.looking_inside)

# %%
chapter.findings_table()

# %% [markdown]
# ## Exercises
#
# 1. `dermbook run looking-inside -p spread=0.1`, then `0.5`: what becomes of the two scores of
#    *middle of the picture*, and why does one of them not move?
# 2. A colleague shows heat maps that lie on the lesion in 95 % of the pictures. Which two numbers
#    do you ask for?
# 3. Why is the gradient taken of the score *before* the softmax?
# 4. Heat on the skin beside a lesion: is the network wrong to look there?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. The share of heat falls as the Gaussian widens, towards the share of area. The hottest pixel
# stays in the middle, so the pointing game does not change. 2. What the middle of the picture and
# the area of the lesion would have scored on the same pictures; and, if there is time, what the
# same architecture scores with random weights. 3. Of a network that is sure, all probabilities are
# close to 0 or 1, and the softmax flattens every gradient towards nothing; and it mixes the
# classes: a probability rises when another class's score falls, so the heat would show what speaks
# against the others, too. 4. Not by itself. The skin around a lesion carries real signs, such as
# sun damage around an actinic keratosis; it also carries false ones, such as rulers, ink and the
# corners of one clinic's camera. Heat says where, never why.
# ```

# %%
chapter.close()
