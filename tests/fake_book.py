"""A tiny book in a temporary folder: three chapters that need no data and no network.

``one`` <- ``two`` (needs one), and ``three`` alone. Each writes its Record as plain JSON.
"""

import shutil
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]

CHAPTER = """# ---
# jupyter:
#   jupytext:
#     notebook_metadata_filter: dermbook
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   dermbook:
#     chapter: {chapter}
#     title: Chapter {chapter}
#     question: What does {chapter} do?
#     description: A chapter of a tiny book.
#     part: I
#     needs: {needs}
#     rows: ["1.10"]
#     lessons: [M5]
#     accelerator: none
#     minutes: {{quick: 0.1}}
# ---

# %% [markdown]
# # Chapter {chapter}

# %% tags=["parameters"]
edition: str = "quick"  # edition that runs
epochs: int = 1  # passes over the training part
learning_rate: float = 1e-3  # step of the optimiser
sizes: list[int] = [96, 128]  # height and width, pixels

# %%
import json
import os
from pathlib import Path

from dermbook.errors import DermbookError

output = Path(os.environ["DERMBOOK_OUTPUT"])
needed = [json.loads((output / "records" / f"{{n}}.json").read_text()) for n in {needs}]

# %%
{body}

# %%
record = output / "records" / "{chapter}.json"
record.parent.mkdir(parents=True, exist_ok=True)
seen = {{"epochs": epochs, "rate": learning_rate, "threads": os.environ["OMP_NUM_THREADS"]}}
record.write_text(json.dumps(seen | {{"needed": len(needed), "cwd": os.getcwd()}}))
"""

EDITIONS = {
    "quick": "description: small\nmachine: any\nthreads: 1\ndefaults: {epochs: 2}\n",
    "laptop": (
        "description: larger\nmachine: two cores\nthreads: 2\n"
        "chapters:\n  two: {learning_rate: 1e-4}\n"
    ),
}


def write_chapter(
    book: Path, file: str, *, needs: tuple[str, ...] = (), body: str = "print('ran')"
) -> Path:
    """Write ``notebooks/FILE.py`` (FILE like ``01_one``) and return its path."""
    slug = file.partition("_")[2].replace("_", "-")
    path = book / "notebooks" / f"{file}.py"
    path.write_text(CHAPTER.format(chapter=slug, needs=list(needs), body=body), encoding="utf-8")
    return path


def make_book(folder: Path) -> Path:
    """Write the book below ``folder`` and return its root; set DERMBOOK_ROOT to it."""
    for name in ("notebooks", "book/editions", "book/results", "workflow"):
        (folder / name).mkdir(parents=True)
    (folder / "_toc.yml").write_text("format: jb-book\n", encoding="utf-8")
    for name, text in EDITIONS.items():
        (folder / "book" / "editions" / f"{name}.yaml").write_text(text, encoding="utf-8")
    shutil.copy(CHECKOUT / "workflow" / "Snakefile", folder / "workflow" / "Snakefile")
    write_chapter(folder, "01_one")
    write_chapter(folder, "02_two", needs=("one",))
    write_chapter(folder, "03_three")
    return folder
