"""Which code ran, and on what: the parts of a Record that nobody should type."""

import hashlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import dermbook
from dermbook.paths import book_root
from dermbook.publishing.record import Code, Hardware

PACKAGES = (
    "numpy",
    "pandas",
    "scikit-learn",
    "opencv-python-headless",
    "keras",
    "matplotlib",
    "papermill",
    "jupyter-book",
)

#: what git is asked about to tell whether the checkout was modified
CODE = ("--", ":/", ":(top,exclude)book/results")


def code_version(notebook: Path | None = None) -> Code:
    """Package version, git commit, whether the checkout was modified, and a hash of the sources.

    The hash covers every ``.py`` of the package and the chapter's own script, so a run is
    identified even when it was made before its commit or outside git. Published results are no
    code: one chapter's Record, published but not yet committed, does not mark the next one's.
    """
    package = Path(dermbook.__file__).parent
    files = sorted(package.rglob("*.py"))
    if notebook is not None:
        files.append(notebook)
    digest = hashlib.sha256()
    for file in files:
        name = file.relative_to(package) if file.is_relative_to(package) else Path(file.name)
        digest.update(name.as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    commit = _git("rev-parse", "HEAD")
    return Code(
        version=dermbook.__version__,
        commit=commit,
        modified=bool(commit and _git("status", "--porcelain", "--untracked-files=no", *CODE)),
        sources=digest.hexdigest(),
    )


def hardware() -> Hardware:
    """The machine and the versions in use; the Keras backend only if the chapter imported it."""
    return Hardware(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        threads=int(os.environ["OMP_NUM_THREADS"]) if _is_int("OMP_NUM_THREADS") else None,
        memory_gib=round(_memory_bytes() / 2**30, 1),
        accelerator=_accelerator(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        backend=_backend(),
        packages=_versions(PACKAGES),
    )


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(book_root()), *arguments], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _is_int(variable: str) -> bool:
    return os.environ.get(variable, "").isdigit()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _backend() -> str | None:
    keras = sys.modules.get("keras")
    if keras is None:
        return None
    name = keras.backend.backend()
    module = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}.get(name, name)
    loaded = sys.modules.get(module)
    return f"{name} {getattr(loaded, '__version__', '')}".strip()


def _accelerator() -> str | None:
    """The first GPU's name as the loaded backend reports it; nothing is imported for it."""
    if (torch := sys.modules.get("torch")) and torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    if jax := sys.modules.get("jax"):
        devices = [device for device in jax.devices() if device.platform != "cpu"]
        if devices:
            return devices[0].device_kind
    if (tensorflow := sys.modules.get("tensorflow")) and hasattr(tensorflow, "config"):
        devices = tensorflow.config.list_physical_devices("GPU")
        if devices:
            details = tensorflow.config.experimental.get_device_details(devices[0])
            return details.get("device_name", "GPU")
    return None
