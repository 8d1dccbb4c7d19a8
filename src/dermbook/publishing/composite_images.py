"""The tables of the chapter *Composite images*: detectors tuned, judged once, and set to work.

What is judged is the phantom's, whose panels are known. Of real photographs there are counts only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook.data import Collection, ImageSource, grouped_split, load_collection
from dermbook.data.strategies import make_split
from dermbook.errors import DataError
from dermbook.evaluation import wilson
from dermbook.evaluation.detection import (
    best_setting,
    compare_detectors,
    corrected_share,
    curve_of,
    detection_scores,
    judge_boxes,
    scores_by_kind,
)
from dermbook.imaging.panels import PanelDetector, panel_detectors
from dermbook.imaging.panels.rules import fit_rows, training_rows
from dermbook.publishing.compare import plain

Boxes = dict[str, np.ndarray]

#: what the detectors are compared by, in the table and the figure
SHOWN = ("f1_50", "exact", "count_right", "false_alarms")
#: columns of the phantom that tell kinds of composites apart
KINDS = ("layout", "border", "caption", "content")
#: the baseline, what stands in for R0's detector, and the two that cut
WHOLE, STAND_IN, BY_HAND, FITTED = "whole", "regions", "cuts", "fitted cuts"


class Remembered:
    """A source that decodes (or draws) each picture once and keeps it; all else is the source's."""

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self._pictures: dict[str, np.ndarray] = {}

    def image(self, image_id: str) -> np.ndarray:
        """uint8 (h, w, 3), not to be written to."""
        if image_id not in self._pictures:
            self._pictures[image_id] = self._source.image(image_id)
            self._pictures[image_id].flags.writeable = False
        return self._pictures[image_id]

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)


@dataclass(frozen=True, eq=False)
class Study:
    """Detectors tuned on one phantom and judged on another, once.

    curves: the tuning, detector, setting, scores, chosen. found, judged: by detector, of the
    judging phantom.
    """

    tuning: Collection
    judging: Collection
    detectors: dict[str, PanelDetector]
    curves: pd.DataFrame
    settings: dict[str, float]
    found: dict[str, Boxes]
    judged: dict[str, pd.DataFrame]

    def detect(self, name: str = FITTED):
        """A detector at its chosen setting: a function of a picture."""
        return self.detectors[name].detect(self.settings[name])


def study(tuning: Collection, judging: Collection, *, network: Path | None = None) -> Study:
    """Fit and tune every detector on ``tuning``, then judge each at its one setting.

    The fitted rule's threshold is chosen on pictures that it was not fitted to: one half of the
    tuning phantom is rated by the rule of the other, and the rule that is used is fitted to both.
    network: a YOLO file to judge too.
    """
    tuning, judging = (replace(c, source=Remembered(c.source)) for c in (tuning, judging))
    halves = tuning.ids[::2], tuning.ids[1::2]
    rows = [training_rows(tuning, ids) for ids in halves]
    crossed = [panel_detectors(fit_rows(part))[FITTED] for part in reversed(rows)]
    detectors = panel_detectors(fit_rows(*rows), network)
    curves, settings, found, judged = [], {}, {}, {}
    for name, detector in detectors.items():
        by_part = zip(halves, crossed, strict=True) if name == FITTED else [(tuning.ids, detector)]
        curve = _curve(tuning, detector.settings, list(by_part))
        settings[name] = best_setting(curve)
        curves.append(curve.assign(detector=name, chosen=settings[name]))
        found[name] = _boxes(judging, detector, [settings[name]])[0]
        judged[name] = judge_boxes(known_panels(judging), found[name])
    table = pd.concat(curves, ignore_index=True)
    table.insert(0, "detector", table.pop("detector"))
    return Study(tuning, judging, detectors, table, settings, found, judged)


def known_panels(collection: Collection) -> Boxes:
    """The true panels by image id; DataError for a collection that does not know them."""
    if not hasattr(collection.source, "boxes"):
        raise DataError(f"{collection.name}: nobody knows its panels; use phantom-composites.")
    return {image_id: collection.source.boxes(image_id) for image_id in collection.ids}


def scores(of: Study, *, resamples: int = 1000, seed: int = 0) -> dict[str, pd.DataFrame]:
    """``detection_scores`` of every detector on the judging phantom, by detector."""
    return {
        name: detection_scores(judged, resamples=resamples, seed=seed)
        for name, judged in of.judged.items()
    }


def score_table(of: Study, scored: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Long: detector, setting, metric, value, low, high, n."""
    frames = [
        table.drop(columns=["class", "interval"]).assign(detector=name, setting=of.settings[name])
        for name, table in scored.items()
    ]
    columns = ["detector", "setting", "metric", "value", "low", "high", "n"]
    return pd.concat(frames, ignore_index=True)[columns]


def wide_scores(table: pd.DataFrame) -> pd.DataFrame:
    """``score_table`` with a row a detector and a column a score, for reading."""
    order = list(dict.fromkeys(table["detector"]))
    names = ["precision_50", "recall_50", "f1_50", "f1_75", "mean_iou"]
    names += ["exact", "count_right", "recognised", "false_alarms"]
    wide = table.pivot(index="detector", columns="metric", values="value").loc[order, names]
    setting = table.drop_duplicates("detector").set_index("detector")["setting"]
    wide.insert(0, "setting", setting)
    return wide.rename_axis(columns=None).reset_index()


def differences(of: Study, *, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """The fitted cuts against every other detector, F1 at IoU 0.5, paired by picture.

    Columns: detector, first (its F1), second (that of the fitted cuts), difference, low, high.
    """
    rows = []
    for name, judged in of.judged.items():
        if name != FITTED:
            options = {"resamples": resamples, "seed": seed}
            rows.append(
                {"detector": name, **compare_detectors(judged, of.judged[FITTED], **options)}
            )
    return pd.DataFrame(rows)


def kind_table(of: Study, names: Sequence[str] = (BY_HAND, FITTED)) -> pd.DataFrame:
    """Composites by kind: detector, trait, kind and the columns of ``scores_by_kind``."""
    table = of.judging.table
    frames = []
    for name in names:
        several = of.judged[name][of.judged[name]["truth"] > 1]
        for trait in KINDS:
            part = scores_by_kind(several, table[trait])
            frames.append(part.assign(detector=name, trait=trait))
    columns = ["detector", "trait", "kind", "pictures", "boxes"]
    frame = pd.concat(frames, ignore_index=True)
    return frame[[*columns, *frame.columns.difference(columns, sort=False)]]


def alarm_table(of: Study, names: Sequence[str] = (BY_HAND, FITTED)) -> pd.DataFrame:
    """Single pictures that were split, by what strong edge they show.

    Columns: detector, distractor, pictures, split, share, low, high (Wilson).
    """
    rows = []
    for name in names:
        single = of.judged[name][of.judged[name]["truth"] == 1]
        kinds = of.judging.table.loc[single.index, "distractor"]
        for kind in kinds.value_counts().index:
            part = single[kinds == kind]
            split = int((part["found"] > 1).sum())
            low, high = wilson(split, len(part))
            row = (name, kind, len(part), split, split / len(part), low, high)
            rows.append(row)
    columns = ["detector", "distractor", "pictures", "split", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def panel_counts(of: Study, name: str = FITTED) -> pd.DataFrame:
    """True against found numbers of panels: truth, found, pictures."""
    pairs = of.judged[name].groupby(["truth", "found"]).size()
    return pairs.rename("pictures").reset_index()


def leak_table(panels: Collection, *, seed: int = 0) -> pd.DataFrame:
    """Test panels with a panel of the same picture in train, under two ways to divide them.

    Columns: division, test (panels), leaked, share. "by lot" draws panels like R3 drew images;
    "by picture" is the book's grouped split.
    """
    parents = panels.table["parent"]
    ways = {
        "by lot": make_split("r3", panels, seed=seed),
        "by picture": grouped_split(panels, validation=0.1, test=0.1, seed=seed),
    }
    rows = []
    for name, split in ways.items():
        test = parents.loc[list(split.parts["test"])]
        leaked = int(test.isin(set(parents.loc[list(split.parts["train"])])).sum())
        rows.append((name, len(test), leaked, leaked / len(test)))
    return pd.DataFrame(rows, columns=["division", "test", "leaked", "share"])


def real_collection(name: str, *, images: int = 0, seed: int = 0) -> Collection | None:
    """The collection to be scanned, or None for "none"."""
    return None if name == "none" else load_collection(name, images=images, seed=seed)


def scan_table(real: Collection | None, of: Study, scored: pd.DataFrame) -> pd.DataFrame:
    """How many pictures of a real collection the fitted cuts take for composites.

    There is no truth to judge them by. scored: their scores on the phantom. Columns: what, pictures
    (in all), called (of these), share, low, high (Wilson); the last row, *if the phantom's rates
    held*, corrects the share by the phantom's rates (Rogan and Gladen 1978), no count. Without a
    real collection the judging phantom is counted.
    """
    pictures = real or of.judging
    detect = of.detect()
    numbers = np.array([len(detect(pictures.image(image_id))) for image_id in pictures.ids])
    rows = [_called("composites", numbers > 1)]
    rows += [_called(f"{k} panels", numbers == k) for k in (2, 3, 4)]
    rows.append(_called("more than 4 panels", numbers > 4))
    rates = scored.set_index("metric")["value"]
    bounds = [
        corrected_share(value, rates["recognised"], rates["false_alarms"])
        for value in (rows[0]["share"], rows[0]["low"], rows[0]["high"])
    ]
    last = {"what": "if the phantom's rates held", "pictures": len(numbers), "called": None}
    rows.append(last | dict(zip(("share", "low", "high"), bounds, strict=True)))
    return pd.DataFrame(rows).assign(collection=pictures.name)


def example_ids(of: Study, borders: Sequence[str] = ("white", "black", "thin", "none")) -> list:
    """One composite of each border, then single pictures with a ruler, a drape, a fold: ids."""
    table = of.judging.table
    several = table[table["panels"] > 1]
    chosen = [several.index[several["border"] == border][:1] for border in borders]
    for distractor in ("ruler", "drape", "fold", "scope"):
        chosen.append(table.index[table["distractor"] == distractor][:1])
    return [image_id for ids in chosen for image_id in ids]


def wrong_ids(of: Study, name: str = FITTED, limit: int = 8) -> list[str]:
    """Pictures whose panels were not all found, or too many were: ids, composites first."""
    judged = of.judged[name]
    wrong = judged[(judged["right_50"] < judged["truth"]) | (judged["found"] != judged["truth"])]
    missed, alarms = wrong.index[wrong["truth"] > 1], wrong.index[wrong["truth"] == 1]
    half = limit // 2
    return [*missed[: limit - min(half, len(alarms))], *alarms[: max(half, limit - len(missed))]]


def pictured(of: Study, ids: Sequence[str], name: str = FITTED) -> list[tuple]:
    """For ``plots.panel_boxes``: title, picture, true boxes, found boxes of each id.

    DataError for a real collection, whose pictures are never shown.
    """
    if not of.judging.phantom:
        raise DataError(f"{of.judging.name}: pictures of patients are never shown.")
    items = []
    for image_id in ids:
        row = of.judging.table.loc[image_id]
        kind = f"{row['panels']} · border {row['border']}"
        kind = f"single · {row['distractor']}" if row["panels"] == 1 else kind
        truth = of.judging.source.boxes(image_id)
        items.append((kind, of.judging.image(image_id), truth, of.found[name][image_id]))
    return items


def finding(scored: dict[str, pd.DataFrame], network: Path | None) -> dict[str, str]:
    """What this says of R0's row 0.7, for ``Chapter.finding``: always *cannot be compared*."""
    name = "network" if network else STAND_IN
    rates = {key: scored[key].set_index("metric") for key in (name, FITTED)}

    def told(key: str, metric: str) -> str:
        row = rates[key].loc[metric]
        return f"{plain(row['value'])} ({plain(row['low'])}–{plain(row['high'])})"

    measured = (
        "phantom: R0's rule, each detected object a picture, recognises "
        f"{told(name, 'recognised')} of the composites with "
        f"{'the network of ' + network.name if network else 'regions that stand out'}; cuts "
        f"with a fitted rule recognise {told(FITTED, 'recognised')}"
    )
    because = (
        "R0 gives no count and names neither weights nor threshold, its pictures have no known "
        "panels, and "
        + (
            "this network is not its YOLOv3"
            if network
            else "no YOLO network is at hand: the book ships none"
        )
    )
    return {"verdict": "cannot be compared", "measured": measured, "because": because}


def _curve(
    tuning: Collection,
    settings: Sequence[float],
    by_part: list[tuple[Sequence[str], PanelDetector]],
) -> pd.DataFrame:
    answers: list[Boxes] = [{} for _ in settings]
    for ids, detector in by_part:
        for answer, more in zip(
            answers, _boxes(tuning.where(ids=ids), detector, settings), strict=True
        ):
            answer.update(more)
    truth = known_panels(tuning)
    return curve_of(settings, [judge_boxes(truth, answer) for answer in answers])


def _boxes(
    collection: Collection, detector: PanelDetector, settings: Sequence[float]
) -> list[Boxes]:
    """Boxes by image id, one dictionary a setting."""
    answers: list[Boxes] = [{} for _ in settings]
    for image_id in collection.ids:
        found = detector.at(collection.image(image_id), settings)
        for answer, boxes in zip(answers, found, strict=True):
            answer[image_id] = boxes
    return answers


def _called(what: str, called: np.ndarray) -> dict[str, object]:
    low, high = wilson(int(called.sum()), len(called))
    row = {"what": what, "pictures": len(called), "called": int(called.sum())}
    return row | {"share": float(called.mean()), "low": low, "high": high}
