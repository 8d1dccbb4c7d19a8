"""Importing late, or not at all, what is heavy."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from typing import Any

#: a part of TensorFlow that it imports itself and that neither Keras nor the book use
_LATE = "tensorflow._api.v2.compat"


def imported_when_used(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that finds each of these names in its home.

    package: the ``__name__`` of the module; homes: name → submodule, below the package.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find


class _Spared(MetaPathFinder):
    """Spares Keras and TensorFlow what they import without need; see ``import_less``."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname == _LATE:
            found = PathFinder.find_spec(fullname, path)
            if found is not None and found.loader is not None:
                found.loader = LazyLoader(found.loader)
            return found
        if fullname == "jax":
            config = sys.modules.get("keras.src.backend.config")
            of_keras = config is not None and config.backend() != "jax" and _importing("keras")
            if of_keras or _importing("tensorflow"):
                raise ModuleNotFoundError("JAX is hidden while Keras is imported", name="jax")
        return None


def import_less() -> None:
    """Let Keras and TensorFlow import faster: from now on, in this process.

    TensorFlow imports its whole old interface (``tf.compat``), which now waits until something asks
    for it. And where JAX is installed and not the backend, TensorFlow imports it to convert JAX
    programs, and Keras for a kind of checkpoint; both do without it if it is not there, so it is
    hidden while they are imported. Before and after that, JAX is imported as ever. Together that is
    a third of the time that ``import keras`` takes.
    """
    if not any(isinstance(finder, _Spared) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Spared())


def without_iri_grammar() -> None:
    """Keep jsonschema from importing ``rfc3987_syntax``, which takes seconds to build a grammar.

    It is for checking IRIs, which notebooks and settings do not have; jsonschema does without it.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _importing(module: str) -> bool:
    """Whether a module's import has begun and not ended."""
    specification = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(specification, "_initializing", False))
