"""The same code on Keras's other backends, each in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TRIAL = Path(__file__).with_name("training_trial.py")


# what Keras imports of a backend, and what that needs in its turn
NEEDED = {"torch": ("torch", "sympy"), "jax": ("jax", "jaxlib")}


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_training_is_exact_on_other_backends(backend, tmp_path):
    missing = [name for name in NEEDED[backend] if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"the backend {backend} needs {', '.join(missing)}, not installed")
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, str(TRIAL), "backend", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["backend"] == backend
    assert found["one-conv layers"][2:4] == ["Conv2D", "MaxPooling2D"]
    assert found["deterministic"]
    assert found["resumed from"] == 1
    assert found["same history"]
    assert found["same after resuming"]
    np.testing.assert_allclose(found["row sums"], 1, atol=1e-5)
