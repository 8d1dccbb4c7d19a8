"""YAML that reads as it looks: for chapter headers, editions and ``-p NAME=VALUE``.

PyYAML follows YAML 1.1, where ``1e-3`` is a text, ``no`` is false and ``1:30`` is ninety. Here
numbers are written as in Python, the only truth values are ``true`` and ``false``, and a key that
stands twice in one mapping is an error instead of a silent loss.
"""

import re
from typing import Any

import yaml

_BASE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):
    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 - PyYAML's own protocol


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf)|\.(nan|NaN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
    )


def _mapping(loader: yaml.Loader, node: yaml.MappingNode, deep: bool = False) -> dict:
    seen = set()
    for key, _ in node.value:
        name = loader.construct_object(key, deep=True)
        if name in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {name!r} stands twice", key.start_mark
            )
        seen.add(name)
    return yaml.constructor.SafeConstructor.construct_mapping(loader, node, deep=True)


def _float(loader: yaml.Loader, node: yaml.ScalarNode) -> float:
    text = node.value.replace("_", "").lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _null(loader: yaml.Loader, node: yaml.ScalarNode) -> None:
    return None


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)
_Loader.add_constructor("tag:yaml.org,2002:null", _null)


class _Dumper(yaml.SafeDumper):
    # the reader's rules decide which texts need quotes
    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def load_yaml(text: str) -> Any:
    """Read one YAML document; raises ``yaml.YAMLError``, whose text says line and column."""
    return yaml.load(text, Loader=_Loader)  # a SafeLoader: no Python objects


def dump_yaml(value: Any) -> str:
    """Write YAML that ``load_yaml`` reads back, with the keys in their order."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )


def problem(error: yaml.YAMLError) -> str:
    """What is wrong and where, in one line."""
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}: {text}" if mark else text
