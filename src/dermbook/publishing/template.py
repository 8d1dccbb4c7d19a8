"""A new chapter that meets the chapter standard and runs as it is: ``dermbook new``."""

import re
from pathlib import Path

from dermbook.errors import ChapterError
from dermbook.files import write_text
from dermbook.paths import book_root
from dermbook.publishing.header import read_headers

_TEMPLATE = """\
# ---
# jupyter:
#   dermbook:
#     chapter: {slug}
#     title: {title}
#     question: What does this chapter ask, in one sentence?
#     description: One line on what it shows, for lists of chapters
#     part: III
#     needs: []
#     rows: []
#     lessons: []
#     accelerator: none
#     minutes: {{quick: 0.2}}
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
# # {title}
#
# **Question.** What does this chapter ask, in one sentence?
#
# Why it matters, in plain words, to somebody who knows Python and some machine learning.
#
# ## What you will be able to do
#
# - one thing;
# - another.
#
# ## What it needs
#
# Which chapters, which data, which accelerator, and how long it takes.

# %% tags=["parameters"]
edition: str = "quick"  # which edition this run belongs to: quick, laptop or gpu
seed: int = 0  # of everything random
collection: str = "phantom"  # phantom, or ham10000 once it is imported
images: int = 210  # how many pictures; 0 takes all of an imported collection

# %% [markdown]
# ## The first step
#
# Prose, one call, one figure or table.

# %%
from dermbook import plots
from dermbook.data import exploration, load_collection
from dermbook.publishing import open_chapter

chapter = open_chapter("{slug}", globals())
lesions = load_collection(collection, images=images, seed=seed)
chapter.uses(lesions)
chapter.parameter_table()

# %%
chapter.add_series("classes", exploration.class_table(lesions))
chapter.figure(
    "classes",
    plots.class_bars,
    caption="What the figure shows, in one sentence.",
    alt="What somebody who cannot see the figure should know of it.",
)

# %% [markdown]
# ## What we found
#
# Computed, not typed.

# %%
chapter.comparison()

# %% [markdown]
# ## Exercises
#
# 1. A question that the reader can answer by changing one parameter.
#
# ```{{admonition}} Solutions
# :class: dropdown
#
# 1. The command to run, and what it shows.
# ```

# %%
chapter.close()
"""


def new_chapter(number: int, slug: str, title: str) -> Path:
    """Write ``notebooks/NN_slug.py`` from the template, and its pair; return the script's path.

    number: 0 to 99, not taken. slug: lower-case words joined by hyphens. Raises ChapterError, and
    writes nothing, if the number or the name is taken or unfit.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        raise ChapterError(f"{slug!r}: a chapter's name is lower-case words joined by hyphens.")
    if not 0 <= number <= 99:
        raise ChapterError(f"A chapter's number is 0 to 99, not {number}.")
    if not title.strip() or ":" in title:
        raise ChapterError("A chapter needs a title, without a colon.")
    for header in read_headers().values():
        if header.number == number or header.chapter == slug:
            raise ChapterError(f"{header.path.name} has that number or name already.")
    path = book_root() / "notebooks" / f"{number:02}_{slug.replace('-', '_')}.py"
    write_text(path, _TEMPLATE.format(slug=slug, title=title.strip()))
    from dermbook.publishing.pairing import sync_pairs

    sync_pairs()
    return path
