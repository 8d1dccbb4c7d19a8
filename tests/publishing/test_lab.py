"""JupyterLab's pairing: saving either file of a chapter updates the other."""

import json

import pytest

from dermbook.publishing.lab import VIEWERS, prepare_lab
from dermbook.publishing.template import new_chapter


@pytest.fixture
def book(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\n")
    monkeypatch.setenv("DERMBOOK_ROOT", str(tmp_path))
    return tmp_path


def test_scripts_open_as_notebooks_and_settings_stay_in_the_checkout(book):
    environment = prepare_lab()
    path = book / "_build/.home/lab/config/labconfig/default_setting_overrides.json"
    assert json.loads(path.read_text()) == VIEWERS
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
        assert environment[name].startswith(str(book))


@pytest.mark.parametrize("saved", ["42_first_steps.py", "42_first_steps.ipynb"])
def test_saving_either_file_of_a_pair_updates_the_other(book, saved):
    """Through the contents manager that JupyterLab saves with."""
    from jupyter_server.services.contents.largefilemanager import LargeFileManager
    from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class

    new_chapter(42, "first-steps", "First steps")
    manager = build_sync_jupytext_contents_manager_class(LargeFileManager)()
    manager.root_dir = str(book / "notebooks")
    model = manager.get(saved, type="notebook")
    model["content"]["cells"][2]["source"] += "\nlearning_rate: float = 0.01  # a new one"
    manager.save(model, saved)
    for name in ("42_first_steps.py", "42_first_steps.ipynb"):
        text = (book / "notebooks" / name).read_text()
        assert "learning_rate: float = 0.01  # a new one" in text
        assert "dermbook" in text
    notebook = json.loads((book / "notebooks" / "42_first_steps.ipynb").read_text())
    assert notebook["metadata"]["dermbook"]["chapter"] == "first-steps"
