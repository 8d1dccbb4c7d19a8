"""Importing late, or not at all, what is heavy."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Any


def imported_when_used(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that finds each of these names in its home.

    package: the ``__name__`` of the module; homes: name → submodule, below the package.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find


class _NoJax(MetaPathFinder):
    """Says that JAX is not installed to those that import it without need; see ``without_jax``."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname != "jax":
            return
        config = sys.modules.get("keras.src.backend.config")
        of_keras = config is not None and config.backend() != "jax" and _importing("keras")
        if of_keras or _importing("tensorflow"):
            raise ModuleNotFoundError("JAX is hidden while Keras is imported", name="jax")


def without_jax() -> None:
    """Let Keras and TensorFlow be imported without JAX, unless it is the backend.

    Where it is installed, TensorFlow imports it for TensorFlow Lite to convert JAX programs, and
    Keras for a kind of checkpoint; the book has neither, and it takes a quarter of the whole time.
    Both do without it if it is not there. Before and after that, JAX is imported as ever.
    """
    if not any(isinstance(finder, _NoJax) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoJax())


def _importing(module: str) -> bool:
    """Whether a module's import has begun and not ended."""
    specification = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(specification, "_initializing", False))
