"""What of this machine works for the book, and what to do about what does not.

Every check answers for itself: one that breaks is reported as broken and the others go on.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from dermbook.paths import book_root, data_dir, weights_dir

State = Literal["ok", "warn", "fail"]
#: seconds a Keras backend may take to start; a cold disk needs most of it
BACKEND_TIMEOUT_S = 120
DISK_FAIL_GB, DISK_WARN_GB = 2, 10

_PROBE = """
import json, os
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
name = keras.backend.backend()
version, devices = "", []
if name == "tensorflow":
    import tensorflow as tf
    version = tf.__version__
    devices = [d.name for d in tf.config.list_physical_devices() if d.device_type != "CPU"]
elif name == "jax":
    import jax
    version = jax.__version__
    devices = [d.device_kind for d in jax.devices() if d.platform != "cpu"]
elif name == "torch":
    import torch
    version = torch.__version__
    count = torch.cuda.device_count()
    devices = [torch.cuda.get_device_name(i) for i in range(count)]
found = {"backend": name, "version": version, "keras": keras.__version__, "devices": devices}
print("\\nFOUND " + json.dumps(found))
"""


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, how it stands, what was found, what to do about it."""

    name: str
    state: State
    found: str
    remedy: str = ""


def examine() -> list[Check]:
    """Run every check; takes as long as the Keras backend takes to start."""
    checks: list[Check] = []
    for name, look in _CHECKS.items():
        try:
            checks += look()
        except Exception as error:  # a doctor that falls ill helps nobody
            found = f"the check itself broke: {type(error).__name__}: {error}"
            checks.append(Check(name, "fail", found))
    return checks


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> list[Check]:
    """Python 3.11 to 3.13, which the locked packages are resolved for."""
    found = f"{version[0]}.{version[1]} at {sys.executable}"
    if (3, 11) <= version < (3, 14):
        return [Check("Python", "ok", found)]
    remedy = "make an environment with Python 3.11, 3.12 or 3.13"
    return [Check("Python", "fail", found, remedy)]


def check_packages(lock: Path | None = None) -> list[Check]:
    """Installed versions against ``requirements.lock``; one of the book's own missing is a fail."""
    path = lock or book_root() / "requirements.lock"
    if not path.is_file():
        return [Check("Packages", "warn", f"there is no {path.name}", "restore it from git")]
    locked = locked_versions(path.read_text(encoding="utf-8"))
    missing, different = [], []
    for name, wanted in locked.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if installed != wanted:
            different.append(f"{name} {installed} (locked: {wanted})")
    remedy = f"python -m pip install -r {path.name}"
    needed = sorted(set(missing) & _own_requirements())
    if needed:
        return [Check("Packages", "fail", f"not installed: {_some(needed)}", remedy)]
    if different or missing:
        found = [_some(different)] if different else []
        found += [f"not installed: {_some(missing)}"] if missing else []
        return [Check("Packages", "warn", "; ".join(found), remedy)]
    return [Check("Packages", "ok", f"{len(locked)} as locked")]


def locked_versions(text: str) -> dict[str, str]:
    """Name and version of every pinned package whose marker holds on this machine."""
    from packaging.markers import Marker

    versions = {}
    for line in text.splitlines():
        if line[:1].isspace() or "==" not in line or line.startswith("#"):
            continue
        pin, _, marker = line.rstrip(" \\").partition(";")
        if not marker.strip() or Marker(marker.strip()).evaluate():
            name, _, version = pin.partition("==")
            versions[name.strip()] = version.strip()
    return versions


def check_backend(timeout: float = BACKEND_TIMEOUT_S) -> list[Check]:
    """The Keras backend and its accelerators, in a process of its own: one that crashes or hangs
    while starting must not take the doctor along."""
    wanted = os.environ.get("KERAS_BACKEND", "")
    chosen = f"KERAS_BACKEND={wanted}" if wanted else "the default backend"
    remedy = (
        "install that backend, or unset KERAS_BACKEND for TensorFlow"
        if wanted
        else ("python -m pip install -r requirements.lock")
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        found = f"{chosen} did not start within {timeout:.0f} s"
        return [Check("Backend", "fail", found, "try again; a first start reads a lot from disk")]
    answers = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    if done.returncode or not answers:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return [Check("Backend", "fail", f"{chosen} does not start: {last}", remedy)]
    found = json.loads(answers[-1].removeprefix("FOUND "))
    name = f"Keras {found['keras']} on {found['backend']} {found['version']}"
    return [Check("Backend", "ok", name), _accelerator(found["devices"], found["backend"])]


def check_kernel() -> list[Check]:
    """The Jupyter kernel ``python3`` must be this environment's Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    remedy = "python -m ipykernel install --sys-prefix --name python3"
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return [Check("Jupyter kernel", "fail", "there is no kernel python3", remedy)]
    # Jupyter itself puts its own Python in place of a bare name
    same = not Path(command).is_absolute() or Path(command).absolute() == Path(sys.executable)
    if same:
        return [Check("Jupyter kernel", "ok", "python3 is this environment")]
    found = f"python3 is {command}: JupyterLab and plain papermill would run without this package"
    return [Check("Jupyter kernel", "warn", found, remedy)]


def check_threads() -> list[Check]:
    """Cores there are, and what each edition gives a chapter."""
    from dermbook.publishing.editions import edition_names, read_edition
    from dermbook.publishing.workflow import available_cores

    cores = available_cores()
    shares = [f"{name} {read_edition(name).threads}" for name in edition_names()]
    found = f"{cores} cores; threads a chapter: {', '.join(shares) or 'no edition yet'}"
    return [Check("Cores", "ok", found)]


def check_data() -> list[Check]:
    """Which collections are imported. The quick edition needs none."""
    from dermbook.data import collection_status

    checks = []
    for status in collection_status():
        there = bool(getattr(status, "imported", False))
        remedy = (
            f"for the laptop and gpu editions: dermbook data get {status.name}, or "
            f"dermbook data import {status.name} --from FOLDER"
        )
        found = "imported" if there else "not imported (the quick edition needs none)"
        count = getattr(status, "images", None)
        found += f", {count:,} images" if there and isinstance(count, int) else ""
        state: State = "ok" if there else "warn"
        checks.append(Check(f"Data: {status.name}", state, found, "" if there else remedy))
    return checks


def check_weights() -> list[Check]:
    """Local ImageNet weights, which pretrained models need where Keras cannot download them."""
    folder = weights_dir()
    if folder is None:
        found = "DERMBOOK_WEIGHTS is not set: Keras downloads weights when a chapter needs them"
        return [Check("Weights", "warn", found, "offline, set it to a folder with the .h5 files")]
    files = list(folder.glob("**/*.h5")) if folder.is_dir() else []
    if not files:
        found = f"DERMBOOK_WEIGHTS={folder} holds no .h5 file"
        return [Check("Weights", "warn", found, "name the folder that holds them, or unset it")]
    return [Check("Weights", "ok", f"{len(files)} files in {folder}")]


def check_disk(free_gb: float | None = None) -> list[Check]:
    """Space for image caches and builds."""
    if free_gb is None:
        free_gb = shutil.disk_usage(book_root()).free / 1e9
    found = f"{free_gb:.0f} GB free"
    if free_gb < DISK_FAIL_GB:
        return [Check("Disk", "fail", found, f"free at least {DISK_FAIL_GB} GB")]
    if free_gb < DISK_WARN_GB:
        remedy = f"real collections and their caches want {DISK_WARN_GB} GB"
        return [Check("Disk", "warn", found, remedy)]
    return [Check("Disk", "ok", found)]


def check_writing() -> list[Check]:
    """Whether builds and data can be written where they go."""
    checks = []
    for name, folder in (("Build folder", book_root() / "_build"), ("Data folder", data_dir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            remedy = f"make {folder} writable, or set " + (
                "DERMBOOK_DATA" if name.startswith("Data") else "DERMBOOK_ROOT to a copy you own"
            )
            checks.append(Check(name, "fail", f"cannot be written: {error.strerror}", remedy))
        else:
            checks.append(Check(name, "ok", f"{folder} can be written"))
    return checks


_CHECKS: dict[str, Callable[[], list[Check]]] = {
    "Python": check_python,
    "Packages": check_packages,
    "Backend": check_backend,
    "Jupyter kernel": check_kernel,
    "Cores": check_threads,
    "Data": check_data,
    "Weights": check_weights,
    "Disk": check_disk,
    "Folders": check_writing,
}


def _accelerator(devices: list[str], backend: str) -> Check:
    if devices:
        return Check("Accelerator", "ok", ", ".join(devices))
    if shutil.which("nvidia-smi"):
        found = f"there is an NVIDIA driver, but {backend} sees no GPU"
        remedy = "python -m pip install 'dermbook[gpu]' and set KERAS_BACKEND=jax"
        return Check("Accelerator", "warn", found, remedy)
    return Check("Accelerator", "ok", "none (the quick and laptop editions need none)")


def _own_requirements() -> set[str]:
    """Names that this package itself requires, without its optional extras."""
    from packaging.requirements import Requirement

    texts = metadata.requires("dermbook") or []
    return {Requirement(text).name for text in texts if "extra ==" not in text}


def _some(names: list[str], shown: int = 4) -> str:
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest
