"""The package on Keras's other backends: a list of tiny tests, in one process a backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
#: what must not depend on the backend
CHECKS = (
    HERE / "backend_checks.py",
    HERE / "models" / "test_center_loss.py",
)
# what Keras imports of a backend, and what that needs in its turn
NEEDED = {"jax": ("jax", "jaxlib"), "torch": ("torch", "sympy")}


@pytest.mark.slow
@pytest.mark.parametrize("backend", list(NEEDED))
def test_the_package_runs_on_another_backend(backend):
    missing = [name for name in NEEDED[backend] if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"the backend {backend} needs {', '.join(missing)}, not installed")
    command = [
        sys.executable, "-m", "pytest", "-m", "not slow", "-p", "no:cacheprovider",
        *map(str, CHECKS),
    ]  # fmt: skip
    environment = {**os.environ, "KERAS_BACKEND": backend}
    run = subprocess.run(
        command, cwd=HERE.parent, capture_output=True, text=True, timeout=900, env=environment
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    # a run that collected nothing, or skipped all, must not pass
    assert " passed" in run.stdout.splitlines()[-1]
