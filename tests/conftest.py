"""What every test may use: the real data where they are, and folders that are nobody else's."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


#: files that take half a minute or more
LONG = {
    "test_multi_input.py",
    "test_other_backend.py",
    "test_published.py",
    "test_segmentation_networks.py",
    "test_workflow.py",
}


def pytest_collection_modifyitems(items):
    """The longest files first: among several workers none of them is left for the end."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Point the data and cache folders away from the reader's own."""
    monkeypatch.setenv("DERMBOOK_DATA", str(tmp_path / "dermbook-data"))
    monkeypatch.setenv("DERMBOOK_CACHE", str(tmp_path / "dermbook-cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the publishers' files, read-only; the test is skipped where there is none."""
    named = os.environ.get("DERMBOOK_SHARED")
    folder = Path(named).expanduser().resolve() if named else ROOT.parent / "shared" / "data"
    if not (folder / "HAM10000_metadata.csv").is_file():
        pytest.skip(f"needs the publishers' files in {folder} (or where DERMBOOK_SHARED says)")
    return folder


@pytest.fixture(scope="session")
def small_phantom():
    """210 phantom photographs of 48 x 64 pixels, seed 0."""
    from dermbook.data.phantom import phantom

    return phantom(210, height=48, width=64, seed=0)
