"""What is imported late, or not at all."""

import os
import subprocess
import sys

import pytest

#: stand-ins that say whether they got JAX while they were imported
TAKES_JAX = """
try:
    import jax
    GOT = True
except ImportError:
    GOT = False
"""
PACKAGES = {
    "jax.py": "",
    "tensorflow.py": TAKES_JAX,
    "keras/__init__.py": "from keras.src.backend import config\n" + TAKES_JAX,
    "keras/src/__init__.py": "",
    "keras/src/backend/__init__.py": "",
    "keras/src/backend/config.py": """
import os
def backend():
    return os.environ["KERAS_BACKEND"]
""",
}
ASK = """
import dermbook
import {first}
got = {first}.GOT
import jax, {second}
print(got, {second}.GOT)
"""


@pytest.fixture
def stand_ins(tmp_path):
    for name, text in PACKAGES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("backend", "first", "second", "said"),
    [
        ("tensorflow", "tensorflow", "keras", "False True"),  # JAX was asked for in between
        ("tensorflow", "keras", "tensorflow", "False True"),
        ("jax", "keras", "tensorflow", "True True"),  # as the backend, it is needed
    ],
)
def test_jax_is_hidden_only_while_those_are_imported_that_do_not_need_it(
    stand_ins, backend, first, second, said
):
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(first=first, second=second)],
        env=os.environ | {"PYTHONPATH": str(stand_ins), "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.split("\n")[0] == said


def test_the_old_interface_of_tensorflow_comes_when_it_is_asked_for(tmp_path):
    for name, text in {
        "tensorflow/__init__.py": "from tensorflow._api.v2 import compat, nn\n",
        "tensorflow/_api/__init__.py": "",
        "tensorflow/_api/v2/__init__.py": "",
        "tensorflow/_api/v2/compat.py": "print('compat')\nOLD = 1\n",
        "tensorflow/_api/v2/nn.py": "print('nn')\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ask = "import dermbook, tensorflow as tf\nprint('imported')\nprint(tf.compat.OLD)"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["nn", "imported", "compat", "1"]


def test_the_finder_is_there_once():
    import dermbook.lazy

    dermbook.lazy.import_less()
    kinds = [type(finder).__name__ for finder in sys.meta_path]
    assert kinds.count("_Spared") == 1
