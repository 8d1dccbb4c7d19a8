"""Where things are: the book's own files, the reader's data, weights and caches, and the builds.

Every location is asked for at the moment it is needed, so an environment variable set in a
notebook's first cell is honoured.
"""

import os
from pathlib import Path

from dermbook.errors import DermbookError


def book_root() -> Path:
    """The checkout: the folder with ``_toc.yml`` and ``notebooks/``.

    ``DERMBOOK_ROOT`` if set; else the first such folder at or above the working directory;
    else the checkout that this package is installed from (an editable installation).
    """
    named = os.environ.get("DERMBOOK_ROOT")
    candidates = [Path(named)] if named else [Path.cwd(), *Path.cwd().parents]
    if not named:
        candidates.append(Path(__file__).resolve().parents[2])
    for folder in candidates:
        if (folder / "_toc.yml").is_file() and (folder / "notebooks").is_dir():
            return folder.resolve()
    raise DermbookError(
        f"The book's folder was not found at {candidates[0]} or above. Run from inside the "
        "checkout, or set DERMBOOK_ROOT to the folder that holds _toc.yml."
    )


def data_dir() -> Path:
    """Where imported collections live: ``DERMBOOK_DATA``, by default ``data/`` in the checkout."""
    named = os.environ.get("DERMBOOK_DATA")
    return Path(named).expanduser().resolve() if named else book_root() / "data"


def cache_dir() -> Path:
    """Where decoded images are kept: ``DERMBOOK_CACHE``, else ``.cache`` in the data folder."""
    named = os.environ.get("DERMBOOK_CACHE")
    return Path(named).expanduser().resolve() if named else data_dir() / ".cache"


def weights_dir() -> Path | None:
    """Folder of local ImageNet weights (``DERMBOOK_WEIGHTS``), or None when it is not set."""
    named = os.environ.get("DERMBOOK_WEIGHTS")
    return Path(named).expanduser().resolve() if named else None


def results_dir() -> Path:
    """The published Records: ``book/results`` in the checkout."""
    return book_root() / "book" / "results"


def build_dir(edition: str) -> Path:
    """What one edition's runs produced: ``_build/EDITION`` in the checkout.

    ``records/CHAPTER.json``, ``predictions/CHAPTER/MODEL.parquet``, ``notebooks/*.ipynb``,
    ``parameters/CHAPTER.yaml`` and ``site/`` lie below it.
    """
    return book_root() / "_build" / edition


def output_dir(edition: str) -> Path:
    """Where a running chapter writes.

    The book's own runner sets ``DERMBOOK_OUTPUT`` to ``build_dir(edition)``. A notebook run by
    hand (JupyterLab, plain papermill) writes to ``_build/scratch/EDITION`` instead, so that trying
    a parameter never changes what the book shows.
    """
    named = os.environ.get("DERMBOOK_OUTPUT")
    return Path(named).resolve() if named else book_root() / "_build" / "scratch" / edition
