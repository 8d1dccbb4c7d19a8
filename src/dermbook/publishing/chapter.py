"""What a notebook holds while it runs: its parameters, its Record in the making, its figures.

A chapter opens once, adds scores, series and findings as it goes, shows figures and tables
(the published run first, this run in the tab beside it), and closes by saving its Record::

    chapter = open_chapter("cnn-from-scratch", globals())
    chapter.uses(collection, split)
    chapter.add_predictions(predictions)
    chapter.add_series("learning-curves", history)
    chapter.figure("learning-curves", plots.learning_curves, caption="…", alt="…")
    chapter.close()
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from dermbook.data import Collection
from dermbook.errors import ChapterError, DataError
from dermbook.publishing import display
from dermbook.publishing.compare import comparison_of
from dermbook.publishing.gathering import Gathering
from dermbook.publishing.header import read_headers
from dermbook.publishing.parameters import chapter_parameters, check_parameters
from dermbook.publishing.record import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dermbook.evaluation import Predictions


Draw = Callable[..., "Figure"]
#: whose numbers a figure or table shows
Of = Literal["run", "both", "everything", "reports", "phantom"]


def open_chapter(name: str, namespace: Mapping[str, Any]) -> "Chapter":
    """Open a chapter from inside its notebook: ``open_chapter("exploration", globals())``.

    Reads the values of the notebook's parameters from ``namespace`` and checks them against the
    ``parameters`` cell, so that plain papermill is as strict as ``dermbook run``.

    Raises ChapterError for an unknown chapter and ParameterError, naming every problem, for a
    parameter that is ill-typed or that papermill injected without the chapter having it.
    """
    headers = read_headers()
    if name not in headers:
        raise ChapterError(f"There is no chapter {name!r}; there are: {', '.join(headers)}.")
    known = [parameter.name for parameter in chapter_parameters(name)]
    given = {key: namespace[key] for key in known if key in namespace}
    injected = _injected_names(namespace)
    values = check_parameters(name, given | {key: namespace.get(key) for key in injected})
    logging.getLogger("tensorflow").addFilter(_no_complaint_of_tracing)
    return Chapter(headers[name], values)


class Chapter(Gathering):
    """One running chapter: a ``Gathering`` that also shows what it holds."""

    # ---- what is shown ----------------------------------------------------------------------

    def figure(
        self,
        name: str,
        draw: Draw,
        *,
        caption: str,
        alt: str,
        of: Of = "run",
        **options: Any,
    ) -> display.FigureBlock:
        """Draw the series ``name`` of the published run and of this run, in tabs.

        ``draw(frame, phantom=…, **options)`` is a function of ``dermbook.plots``. ``of`` says whose
        numbers are drawn: those of the *run*; of the run and the reports *both*, where the series
        itself names what is phantom; *everything*, published runs included, which needs no tabs;
        or the *phantom*, which this series is about in every edition.
        """
        runs = self._runs_with(name, of)
        panels = [
            (label, draw(frame, phantom=(phantom and of == "run") or of == "phantom", **options))
            for label, frame, phantom in runs
        ]
        return display.figure_block(
            f"{self.name}-{name}", panels, caption=self._caption(caption, of, len(runs)), alt=alt
        )

    def picture(
        self, name: str, figure: "Figure", *, collection: Collection, caption: str, alt: str
    ) -> display.FigureBlock:
        """Show a figure that holds image pixels. Refused unless the collection is the phantom.

        Pictures of patients are never rendered: raises DataError for a real collection.
        """
        if not collection.phantom:
            raise DataError(
                f"{self.name}: picture {name!r} would show images of {collection.name}. "
                "Real images are never rendered in the book; use a phantom collection."
            )
        panels = [("Phantom", figure)]
        return display.figure_block(
            f"{self.name}-{name}", panels, caption=f"Phantom. {caption}", alt=alt, format="png"
        )

    def table(
        self,
        name: str,
        *,
        caption: str,
        shape: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
        formats: Mapping[str, str] | None = None,
        of: Of = "run",
        **options: Any,
    ) -> display.TableBlock:
        """Show the series ``name`` of the published run and of this run as tables, in tabs.

        Its label is ``CHAPTER-NAME-table``, so a figure of the same series may stand beside it.
        ``of`` is as for ``figure``; also *reports*, for what follows from the reports alone.
        """
        runs = self._runs_with(name, of)
        panels = [(label, shape(frame) if shape else frame) for label, frame, _ in runs]
        return display.table_block(
            f"{self.name}-{name}-table",
            panels,
            caption=self._caption(caption, of, len(runs)),
            formats=formats,
            **options,
        )

    def parameter_table(self) -> display.TableBlock:
        """The parameters of this run: name, value, type and meaning; folded on the page."""
        rows = [
            {
                "parameter": parameter.name,
                "this run": repr(self.parameters[parameter.name]),
                "default": repr(parameter.default),
                "type": parameter.annotation,
                "meaning": parameter.comment,
            }
            for parameter in chapter_parameters(self.name)
        ]
        return display.table_block(
            f"{self.name}-parameters",
            [("This run", pd.DataFrame(rows))],
            caption=f"Parameters of this run ({self.edition} edition).",
            folded=True,
        )

    def comparison(self) -> display.TableBlock:
        """*Reported / published / this run* side by side, for every claim the chapter answers."""
        frame = comparison_of(self.name, published=self.published, run=self.record())
        return display.table_block(
            f"{self.name}-comparison",
            [("", frame)],
            caption="What the reports claim, what the published run measured and what this run "
            "measured, with 95 % intervals."
            + (" This run used the phantom, so its numbers are of another kind." * self.phantom),
        )

    def findings_table(self) -> display.TableBlock:
        """What this run says about rows and lessons, with the verdicts."""
        findings = self.record().findings
        frame = pd.DataFrame([finding.model_dump() for finding in findings])
        return display.table_block(
            f"{self.name}-findings",
            [("", frame.rename(columns={"about": "row or lesson"}))],
            caption="What the reports' own figures and this run say of rows and lessons."
            + " The run used the phantom." * self.phantom,
        )

    def submission(self, model: str, predictions: "Predictions | None") -> display.NoteBlock:
        """Write a challenge CSV of an official test set, if there is one, and say so.

        ``predictions`` are None where the run named no such collection.
        """
        if predictions is None:
            return display.note_block(
                f"`{model}` was the better one on the validation part. This run named no official "
                "test set to predict."
            )
        path = self.add_submission(predictions)
        return display.note_block(
            f"`{model}` was the better one on the validation part. Its predictions of "
            f"{len(predictions):,} images are in `{path.name}`."
        )

    def summary(self, describe: Callable[[Record], Sequence[str]]) -> display.NoteBlock:
        """What each run found, in sentences computed from its Record: the published one first."""
        runs = [("This run", self.record())]
        if self.published is not None:
            runs.insert(0, ("Published run", self.published))
        texts = []
        for title, record in runs:
            bullets = "\n".join(f"- {sentence}" for sentence in describe(record))
            texts.append(f"**{title} ({record.label})**\n\n{bullets}")
        return display.note_block("\n\n".join(texts))

    # ---- the end ----------------------------------------------------------------------------

    def close(self) -> display.NoteBlock:
        """Save the Record and say where it is."""
        record = self.record()
        path = record.save(self.output / "records" / f"{self.name}.json")
        kind = "phantom" if record.phantom else "real"
        return display.note_block(
            f"Record saved: `{path.name}` · {self.edition} edition · {kind} data · "
            f"{len(record.metrics)} scores · {record.duration_s:.0f} s"
        )

    def _runs_with(self, name: str, of: Of) -> list[tuple[str, pd.DataFrame, bool]]:
        """(tab label, frame, phantom) of each run that has the series: the published one first."""
        label = " · ".join([self.edition, *(["phantom"] if of == "phantom" else self._data)])
        runs = [(f"This run · {label}", self.series(name), self.phantom)]
        tabs = of in ("run", "both", "phantom") and self.published is not None
        if tabs and name in self.published.series:
            frame = self.published.series_frame(name)
            label = self.published.label
            if of == "phantom":
                label = f"{self.published.edition} · phantom"
            runs.insert(0, (f"Published · {label}", frame, self.published.phantom))
        return runs

    def _caption(self, caption: str, of: Of, tabs: int) -> str:
        """A caption that never lets a phantom number pass for a real one."""
        if of == "phantom":
            return caption if "phantom" in caption.lower() else f"{caption} Phantom data."
        if not self.phantom or of == "reports":
            return caption
        if of != "run":
            return f"{caption} What is called phantom was measured on phantom data."
        if tabs == 1:
            return f"{caption} Phantom data."
        return f"{caption} The tab “This run” shows phantom data."


def _no_complaint_of_tracing(record: logging.LogRecord) -> bool:
    """Drop TensorFlow's advice against tracing often: an experiment builds many small networks, and
    each is traced once."""
    return "triggered tf.function retracing" not in record.getMessage()


def _injected_names(namespace: Mapping[str, Any]) -> list[str]:
    """Names that papermill injected, read from the executed cells (papermill only warns)."""
    names: list[str] = []
    for source in namespace.get("In", []):
        if isinstance(source, str) and source.startswith("# Parameters\n"):
            names += re.findall(r"^(\w+)\s*=", source, flags=re.MULTILINE)
    return names
