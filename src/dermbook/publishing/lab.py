"""JupyterLab set up for the chapters: scripts open as notebooks, pairs stay in step."""

import json
import os
import subprocess
import sys

from dermbook.files import write_if_changed
from dermbook.paths import book_root

#: open percent-format scripts as notebooks, as jupytext's own documentation names the viewer
VIEWERS = {
    "@jupyterlab/docmanager-extension:plugin": {
        "defaultViewers": {"python": "Jupytext Notebook", "markdown": "Jupytext Notebook"}
    }
}


def lab_environment() -> dict[str, str]:
    """The environment JupyterLab starts with; its settings and workspaces stay in the checkout."""
    home = book_root() / "_build" / ".home" / "lab"
    return os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "IPYTHONDIR": str(home / "ipython"),
        "DERMBOOK_ROOT": str(book_root()),
    }


def prepare_lab() -> dict[str, str]:
    """Write the settings and return the environment to start JupyterLab in."""
    environment = lab_environment()
    home = book_root() / "_build" / ".home" / "lab"
    overrides = home / "config" / "labconfig" / "default_setting_overrides.json"
    write_if_changed(overrides, json.dumps(VIEWERS, indent=1) + "\n")
    return environment


def start_lab(arguments: list[str]) -> int:
    """Run JupyterLab on the notebooks until it is stopped; return its exit code."""
    command = [sys.executable, "-m", "jupyterlab", str(book_root() / "notebooks"), *arguments]
    return subprocess.run(command, env=prepare_lab()).returncode
