"""Editions: the same chapters at another size, as tables of parameters under ``book/editions/``.

An edition file holds ``description``, ``machine``, ``defaults`` (given to every chapter that has a
parameter of that name), ``chapters`` (by slug) and how chapters run: ``threads`` each, and whether
they share one ``accelerator``. A parameter called ``edition`` is set to the edition's name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from dermbook.errors import ChapterError, ParameterError
from dermbook.files import write_if_changed
from dermbook.paths import book_root, build_dir
from dermbook.publishing.header import nearest, read_headers
from dermbook.publishing.parameters import chapter_parameters, check_parameters
from dermbook.publishing.plain_yaml import dump_yaml, load_yaml, problem

DEFAULT_EDITION = "quick"


class Edition(BaseModel):
    """One edition file, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: StrictStr
    machine: StrictStr
    threads: int = Field(default=1, ge=1, description="threads a chapter computes with")
    accelerator: bool = Field(
        default=False, description="chapters that can use an accelerator do, one at a time"
    )
    defaults: dict[StrictStr, Any] = {}
    chapters: dict[StrictStr, dict[StrictStr, Any]] = {}


def edition_names() -> list[str]:
    """The editions there are: ``quick`` first, the others in alphabetical order."""
    names = sorted(path.stem for path in _folder().glob("*.yaml"))
    return sorted(names, key=lambda name: name != DEFAULT_EDITION)


def read_edition(name: str) -> Edition:
    """Read and check an edition against the chapters.

    Raises ParameterError when there is no such edition (with the nearest names), the file is
    malformed, a default belongs to no chapter, or a value is unknown to its chapter or of another
    type; ChapterError when it names a chapter that is not there.
    """
    path = _folder() / f"{name}.yaml"
    if name not in edition_names():
        raise ParameterError(f"There is no edition {name!r}{nearest(name, edition_names())}.")
    where = f"book/editions/{path.name}"
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ParameterError(f"{where}: not valid YAML: {problem(error)}.") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{where}: must be a mapping with description, machine, defaults, …")
    content = {key: value for key, value in content.items() if value is not None}
    chapters = content.get("chapters")
    if isinstance(chapters, dict):
        content["chapters"] = {slug: entry or {} for slug, entry in chapters.items()}
    try:
        edition = Edition(**(content | {"name": name}))
    except ValidationError as error:
        issues = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ParameterError(f"{where}: " + "; ".join(issues) + ".") from None
    _check_against_chapters(edition, where)
    return edition


def edition_parameters(
    edition: str | Edition, chapter: str, overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values an edition (and ``overrides`` over it) gives to a chapter, checked.

    Parameters that neither names keep the default of the chapter's own cell and are not listed.
    """
    edition = read_edition(edition) if isinstance(edition, str) else edition
    known = {parameter.name for parameter in chapter_parameters(chapter)}
    given = {"edition": edition.name} if "edition" in known else {}
    given |= {name: value for name, value in edition.defaults.items() if name in known}
    given |= edition.chapters.get(chapter, {})
    given |= overrides or {}
    if "edition" in known and given["edition"] != edition.name:
        raise ParameterError(
            f"Parameters of {chapter}: edition is {edition.name!r} in this edition, not "
            f"{given['edition']!r}; choose another with --edition."
        )
    values = check_parameters(chapter, given)
    return {name: values[name] for name in given}


def parameters_path(edition: str, chapter: str) -> Path:
    """Where the values for one run of a chapter are written, as YAML."""
    return build_dir(edition) / "parameters" / f"{chapter}.yaml"


def write_parameters(
    edition: str, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Path]:
    """Write every chapter's values for the run, touching only files whose content changes.

    All are checked before the first is written. ``overrides`` is by chapter.
    """
    checked = read_edition(edition)
    overrides = overrides or {}
    texts = {}
    for chapter in read_headers():
        values = edition_parameters(checked, chapter, overrides.get(chapter))
        texts[chapter] = dump_yaml(values)
    for chapter, text in texts.items():
        write_if_changed(parameters_path(edition, chapter), text)
    return {chapter: parameters_path(edition, chapter) for chapter in texts}


def _folder() -> Path:
    return book_root() / "book" / "editions"


def _check_against_chapters(edition: Edition, where: str) -> None:
    headers = read_headers()
    for slug in edition.chapters:
        if slug not in headers:
            raise ChapterError(
                f"{where}: chapters: there is no chapter {slug!r}{nearest(slug, headers)}."
            )
    everywhere = {parameter.name for slug in headers for parameter in chapter_parameters(slug)}
    unused = [name for name in edition.defaults if name not in everywhere]
    if unused:
        hints = [f"{name!r}{nearest(name, sorted(everywhere))}" for name in unused]
        raise ParameterError(
            f"{where}: defaults: no chapter has the parameter " + ", ".join(hints) + "."
        )
    try:
        for slug in headers:
            edition_parameters(edition, slug)
    except ParameterError as error:
        raise ParameterError(f"{where}: {error}") from None
