"""A book of two pages with everything a chapter may show, under the real configuration and look."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermbook.publishing import display

CHECKOUT = Path(__file__).resolve().parents[2]
CHAPTER = "notebooks/01_demonstration"
#: the order of these values, by value, is .088, .631, .712, and the missing one last
SCORES = pd.DataFrame(
    {
        "model": ["one-conv", "r2-cnn", "wide & <deep>", "chance"],
        "balanced_accuracy": [0.6312, 0.712, np.nan, 0.088],
        "low": [0.6, 0.69, np.nan, 0.05],
        "high": [0.662, 0.74, np.nan, 0.12],
        "weights": [1234, 27320754, 900, 12],
    }
)

HEADER = """# ---
# jupyter:
#   dermbook:
#     chapter: demonstration
#     title: Demonstration
#     question: Does a page show what a chapter shows?
#     description: A page with a figure, tabs, tables, mathematics and a folded cell
#     part: I
#     needs: []
#     rows: ["2.2"]
#     lessons: [M5]
#     accelerator: none
#     minutes: {quick: 0.1}
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Demonstration

# %% tags=["parameters"]
edition: str = "quick"  # edition that runs
"""

OPENING = r"""# Demonstration

**Question.** Does a page show what a chapter shows?

See {numref}`demonstration-curves`, {numref}`demonstration-scores` and {cite}`tschandl2018ham10000`.

The weighted score is $s = \sum_k w_k\, p_k$, and on its own

$$\kappa = \frac{p_o - p_e}{1 - p_e}.$$

## What you will see
"""

CLOSING = """## Exercises

:::{admonition} Exercise
:class: tip
Which model is better than chance?
:::

:::{dropdown} Solution
All but one.
:::

:::{warning}
Phantom numbers say nothing about patients.
:::
"""


def write_book(root: Path) -> Path:
    """Write the book's sources and an executed chapter of its quick edition below ``root``."""
    for name in ("_static", "images"):
        shutil.copytree(CHECKOUT / "book" / name, root / "book" / name)
    (root / "notebooks").mkdir()
    for name in ("reported.yaml", "references.bib", "bibliography.md", "reports.md"):
        shutil.copy(CHECKOUT / "book" / name, root / "book" / name)
    shutil.copy(CHECKOUT / "_config.yml", root / "_config.yml")
    _write(root / "book" / "intro.md", f"# A small book\n\nBegin with the {{doc}}`../{CHAPTER}`.\n")
    for name in ("status", "ledger"):
        _write(root / "book" / f"{name}.md", f"# {name}\n")
    pages = [CHAPTER, *(f"book/{name}" for name in ("status", "ledger", "reports", "bibliography"))]
    toc = "format: jb-book\nroot: book/intro\nchapters:\n" + "".join(
        f"  - file: {page}\n" for page in pages
    )
    _write(root / "_toc.yml", toc)
    script = root / f"{CHAPTER}.py"
    _write(script, HEADER)
    _write(script.with_suffix(".ipynb"), json.dumps(_notebook([])))
    _write(root / "_build" / "quick" / f"{CHAPTER}.ipynb", json.dumps(_notebook(_blocks())))
    return root


def _blocks() -> list[display.Block]:
    runs = ("Published · laptop · HAM10000", "This run · quick · phantom")
    return [
        display.figure_block(
            "demonstration-curves",
            [(runs[0], _curve("#0f6b78")), (runs[1], _curve("#8a5a00"))],
            caption="Loss by epoch. The tab “This run” shows phantom data.",
            alt="Two falling lines: training and validation loss by epoch.",
        ),
        display.table_block(
            "demonstration-scores",
            [(runs[0], SCORES), (runs[1], SCORES)],
            caption="Scores with 95 % intervals.",
            filterable=True,
            downloadable=True,
        ),
        display.table_block(
            "demonstration-parameters",
            [("", pd.DataFrame({"parameter": ["edition"], "value": ["'quick'"]}))],
            caption="Parameters of this run.",
            folded=True,
        ),
        # wider than any phone
        display.table_block(
            "demonstration-wide",
            [("", pd.DataFrame({f"a_long_column_{n}": [n * 1000, 2] for n in range(12)}))],
            caption="A wide table.",
        ),
        display.note_block("**This run** found *nothing*, and said so."),
    ]


def _curve(colour: str) -> Figure:
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    epochs = np.arange(1, 11)
    axes.plot(epochs, 2 / epochs, color=colour, label="train")
    axes.plot(epochs, 2 / epochs**0.7, color=colour, linestyle="--", label="validation")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend(frameon=False)
    return figure


def _notebook(blocks: list[display.Block]) -> dict:
    cells = [_markdown(OPENING)]
    cells += [_code(f"chapter.show({place})", [block]) for place, block in enumerate(blocks)]
    cells.append(_markdown(CLOSING))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}


def _markdown(text: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(source: str, blocks: list[display.Block]) -> dict:
    outputs = [
        {
            "output_type": "execute_result",
            "execution_count": 1,
            "metadata": {},
            "data": block._repr_mimebundle_(),
        }
        for block in blocks
    ]
    return {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "source": source,
        "outputs": outputs,
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
