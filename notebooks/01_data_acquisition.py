# ---
# jupyter:
#   dermbook:
#     chapter: data-acquisition
#     title: Data acquisition
#     question: How do thousands of pictures get to a folder, with none lost and none false?
#     description: Sources and licences, planted faults, and a harvest that survives bad servers and kills
#     part: I
#     needs: []
#     rows: ["0.1", "1.1", "4.2"]
#     lessons: []
#     accelerator: none
#     minutes: {quick: 0.6, laptop: 1.5}
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
# # Data acquisition
#
# **Question.** How do thousands of pictures get to a folder, with none lost and none false?
#
# Every result in this book begins with files that somebody else published. Two of our five reports
# say how they got theirs. R0 downloaded 16,577 photographs of Fitzpatrick17k
# {cite}`groh2021fitzpatrick17k` one address after another: it had to send headers, drop addresses
# that were empty or dead, and give every file the ending `.jpg`. R4 unpacked HAM10000
# {cite}`tschandl2018ham10000` into class folders and packed those into a zip. This chapter does
# both again, and asks at each step how one would notice if it had gone wrong.
#
# ## What you will be able to do
#
# - say where each collection comes from, under which licence, and how to know its files;
# - read a publisher's layout, and see what an importer must refuse;
# - tell a picture from a web page, a cut file or an attack, by its bytes and not by its name;
# - write a download that can be killed at any moment and still ends with the same folder.
#
# ## What it needs
#
# No other chapter, no accelerator and **no network**: the web server is on this machine, misbehaves
# on request, and serves **phantom** pictures. Only the last section reads a real table: in the
# `laptop` edition that of Fitzpatrick17k (`dermbook data get fitzpatrick17k`), and none of its
# photographs.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of the phantom, of the order of the addresses, and of the moments of the kills
collection: str = "phantom-clinical"  # whose table of addresses is read; or fitzpatrick17k
images: int = 700  # rows of a phantom table; 0 takes all of an imported collection
urls: int = 300  # addresses that are harvested from the misbehaving server
workers: int = 24  # downloads at a time
kills: int = 3  # how often a harvest is killed on its way

# %% [markdown]
# ## Where the files come from
#
# `data/registry.yaml` says for each collection who publishes it, under which licence, and by which
# checksums its files are known. A licence is not small print: *non-commercial* is part of all
# three. The photographs of Fitzpatrick17k belong to two atlases, their rights are unclear, and
# people in them can be recognised: the book computes with them and never shows one.

# %%
import tempfile

from dermbook import plots
from dermbook.data import acquisition, load_collection, whole_table
from dermbook.data.harvest.demonstration import demonstration, kill_demonstration
from dermbook.publishing import open_chapter, summaries

chapter = open_chapter("data-acquisition", globals())
photographs = load_collection(collection, images=images, seed=seed)
chapter.uses(photographs)
chapter.parameter_table()

# %%
chapter.add_series("sources", acquisition.sources_table())
chapter.table(
    "sources",
    caption="The collections that the book can import, as their publishers describe them; no "
    "phantom among them.",
)

# %% [markdown]
# Two commands bring them here. `dermbook data get NAME` downloads from the publisher, or from a
# mirror of yours, goes on where it was cut off, and compares checksums. `dermbook data import NAME
# --from FOLDER` takes files that you already have, zipped or unpacked, at any image size. Both end
# in the same place, a folder with images, a table and a manifest of checksums, and
# `dermbook data verify NAME` reads all of it again.
#
# ## What a publisher's folder looks like
#
# HAM10000 comes as two archives of images, one of lesion masks, and a table. The ISIC 2018
# challenge gave out the same images with another table: one column a class, a one where it applies.
# Here is a phantom collection in these layouts.

# %%
phantom = load_collection("phantom", images=28, height=48, width=64, seed=seed)
chapter.add_series("layout", acquisition.layout_table(phantom))
chapter.table(
    "layout",
    caption="A phantom collection as its publisher would give it out: how much each file holds, "
    "and its first member or line.",
    of="phantom",
)

# %% [markdown]
# ## What an importer must refuse
#
# The phantom can be published with faults, each known and planted once. An importer has three
# answers. It *refuses* what would make later results false: a class that there is not, a missing
# half. It *tells* what a reader should judge: an image without a row, an empty mask. It *takes*
# what is merely unusual and decodes to the right pixels.

# %%
with chapter.timing("import with planted faults"):
    chapter.add_series("faults", acquisition.fault_table(phantom))
chapter.table(
    "faults",
    caption="Faults planted in a phantom publisher's folder, and what the import says to each.",
    of="phantom",
)

# %% [markdown]
# ## A server that misbehaves
#
# Fitzpatrick17k has no archive of images, only 16,577 addresses. R0 met headers, dead addresses and
# wrong formats; the web has more to offer. Our local server knows more than fifty ways to behave,
# from a PNG called `.jpg` to a picture of 300 bytes that unpacks to 900 million pixels, and because
# they are known, each answer of the harvest can be judged right or wrong.
#
# The rules of the harvest, in short:
#
# - **The bytes decide.** Neither the name nor the server's word says what a file is. A JPEG with
#   three channels is kept byte for byte, so its MD5 stays the published one; every other picture is
#   converted, on white where it is transparent; a cut file is refused and never filled with grey.
# - **Wait and try again** after what may pass (429, 5xx, timeouts, lost connections): a little
#   longer each time, a little at random, and as long as the server asks. What will not pass (404, a
#   web page) is not asked for again, unless one says so (`retry="all"`).
# - **Trust no address.** One may point into your own network or at a file, or do so by a redirect,
#   or through DNS. Each hop is checked, and the connection goes to the address that was checked.
# - **Limit everything**: bytes, pixels, seconds, redirects.

# %%
folder = tempfile.TemporaryDirectory()
with chapter.timing("harvest, judge and repeat"):
    shown = demonstration(folder.name, urls=urls, seed=seed, workers=workers)
chapter.add_series("outcomes", shown.outcomes)
chapter.figure(
    "outcomes",
    plots.harvest_outcomes,
    caption="Addresses of phantom pictures by what they should come to, and how many did.",
    alt="Bars of addresses by reason; nearly all or all of each bar is classified rightly.",
    of="phantom",
)

# %% [markdown]
# `plain` is what one step of a plain loop leaves under the name `.jpg` when it meets the same
# answer: `urlopen`, `read`, write. It has no header of its own, no limit and no second try, so some
# kinds were not tried on it.

# %%
chapter.table(
    "outcomes",
    caption="Every kind of address (of phantom pictures): expected, got, and what a plain loop "
    "would have saved.",
    formats={"requests": ".1f"},
    of="phantom",
)

# %% [markdown]
# ## The account
#
# R0 reports one number: 16,506 images kept. The harvest accounts for every row, and says which
# reasons another run would try again by itself.

# %%
chapter.add_series("reasons", shown.report.reasons().drop(columns="example"))
chapter.table(
    "reasons",
    caption="The account of the last run (phantom pictures): every reason and its share.",
    formats={"share": ".1%"},
    of="phantom",
)

# %% [markdown]
# Then the server was repaired, and the same command given twice more. The second run must ask for
# what failed and may pass, and for nothing else; the third for nothing at all.

# %%
chapter.add_series("runs", shown.runs)
chapter.table(
    "runs",
    caption="Three runs over one table (phantom pictures): addresses asked for, requests that the "
    "server counted, images in the folder.",
    formats={"seconds": ".1f"},
    of="phantom",
)

# %% [markdown]
# How fast it is depends on how far away the server is: while one answer travels, others can. On the
# doorstep, where nothing travels, its checks cost more than the many workers gain.

# %%
chapter.add_series("speed", shown.speed)
chapter.table(
    "speed",
    caption="Phantom images a second, with and without a round trip, against one after the other.",
    formats={"round_trip_ms": ".0f", "seconds": ".2f", "images_per_second": ".0f"},
    of="phantom",
)

# %% [markdown]
# ## Killed on the way
#
# A long download will be interrupted. Here the harvest runs in a process of its own that is killed
# (`SIGKILL`, as a crash would) at random moments, started again each time, and compared in the end
# with a harvest that nobody disturbed. Two habits make this safe: an image is written under a
# temporary name and renamed when it is whole, and a journal gets one line *after* that. What has no
# line is fetched again, so a kill costs at most the downloads that were on their way.

# %%
with chapter.timing("kill and resume"):
    killed, checks = kill_demonstration(urls=urls, seed=seed, kills=kills)
chapter.add_series("kills", killed)
chapter.figure(
    "kills",
    plots.harvest_kills,
    caption="How far each run got before it was killed (phantom pictures); the last one finished.",
    alt="Bars, one a run, each beginning where the last one ended; the last reaches all rows.",
    of="phantom",
)

# %%
chapter.add_series("kill-checks", checks)
chapter.table(
    "kill-checks",
    caption="The folder after all kills against that of an undisturbed harvest (phantom pictures).",
    of="phantom",
)

# %% [markdown]
# ## Class folders and a zip
#
# R1 and R4 turned their table into folders, one a class, because Keras' directory readers take the
# label from the folder's name; R4 zipped the result. It works, and everything but the label is
# lost: which images show one lesion, how old the patient was, who made the diagnosis. This book
# keeps the table, and writes such folders only to compare.

# %%
chapter.add_series("folders", acquisition.folder_table(phantom))
chapter.table(
    "folders", caption="Phantom images in class folders, and in one zip of them.", of="phantom"
)

# %% [markdown]
# ## What a table of addresses leaves
#
# R0's steps on the table: rows marked *3 Wrongly labelled* are dropped, then those without an
# address.

# %%
rows = whole_table(photographs)
chapter.add_series("addresses", acquisition.address_steps(rows))
chapter.table("addresses", caption="The table of addresses, step by step.")

# %% [markdown]
# The report does not say how many addresses were dead, only how many images it kept. The difference
# follows, and it is small. How many are dead today only a harvest can tell, and each such harvest
# makes another data set: one reason why the book prefers collections with a checksum.

# %% [markdown]
# ## What we found

# %%
chapter.summary(summaries.data_acquisition)

# %%
counts = acquisition.address_counts(rows)
chapter.add_counts(counts, of=photographs, claims={"R0.images": "rows", "R0.classes": "conditions"})
chapter.finding("0.1", **summaries.address_finding(chapter.series("addresses"), chapter.phantom))
for row in ("1.1", "4.2"):
    chapter.finding(row, **summaries.folder_finding(chapter.series("folders")))
chapter.findings_table()

# %%
folder.cleanup()
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. A loop writes `answer.content` to `ID.jpg` whenever the status is 200. Which kinds in the table
#    of outcomes would it count as downloaded images, and how would you notice a month later?
# 2. The journal's line is written after the image's rename. What could go wrong if it were written
#    before?
# 3. A file of 5,000 bytes, cut after 3,000, is closed with the two bytes `FF D9`. Every decoder
#    opens it. How can one tell that it is not whole?
# 4. Why is it not enough to check an address's host name once, before the request?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. All whose `plain` is not `error`: web pages, JSON, text, drawings, empty and cut files,
#    tracking pixels. Training fails on some, and silently takes the cut ones, grey where the rest
#    should be. Decoding each file once shows them; better to do so at once.
# 2. A kill between line and rename leaves a line without an image. The next run believes the line
#    and the image is lost, unless every file is read again, which the harvest does as well.
# 3. More bytes before `FF D9` change the picture if data were missing there, and change nothing
#    behind complete data. The harvest decodes both and compares.
# 4. The name may resolve to another address at the second look-up, the server may redirect, and one
#    name may have several addresses. So each hop is checked, all its addresses are, and the
#    connection is made to one that was checked.
# ```

# %%
chapter.close()
