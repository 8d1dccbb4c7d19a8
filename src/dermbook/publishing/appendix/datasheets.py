"""The numbers of the datasheets, from the Records of *exploration* and *data cleaning*."""

import pandas as pd

from dermbook.data import canonical_split
from dermbook.data.registry import registered_source
from dermbook.publishing.appendix.blocks import (
    Records,
    count,
    facts,
    missing,
    share,
    table,
    whence,
)
from dermbook.publishing.record import Record

_MALIGNANT = ("mel", "bcc", "akiec")
#: how a diagnosis was made, in HAM10000's words and in ours
_GROUNDS = {
    "histo": "histopathology",
    "follow_up": "follow-up",
    "consensus": "consensus",
    "confocal": "confocal microscopy",
}
_SCALES = {"fitzpatrick_scale": "first annotation", "fitzpatrick_centaur": "second annotation"}


def ham10000_facts(records: Records) -> dict[str, str]:
    """The three included files of HAM10000's datasheet, by name."""
    explored, cleaned = records.get("exploration"), records.get("data-cleaning")
    texts = {"ham10000-source.inc": _source("ham10000")}
    texts["ham10000-composition.inc"] = (
        _ham_composition(explored) if explored else missing("exploration", "The counts")
    )
    texts["ham10000-cleaning.inc"] = (
        _ham_cleaning(cleaned) if cleaned else missing("data-cleaning", "The counts")
    )
    return texts


def fitzpatrick17k_facts(records: Records) -> dict[str, str]:
    """The three included files of Fitzpatrick17k's datasheet, by name."""
    explored, cleaned = records.get("exploration"), records.get("data-cleaning")
    texts = {"fitzpatrick17k-source.inc": _source("fitzpatrick17k")}
    texts["fitzpatrick17k-composition.inc"] = (
        _fitzpatrick_composition(explored) if explored else missing("exploration", "The counts")
    )
    texts["fitzpatrick17k-review.inc"] = (
        _fitzpatrick_review(cleaned) if cleaned else missing("data-cleaning", "The counts")
    )
    return texts


def _source(name: str) -> str:
    known = registered_source(name)
    rows = [
        ("title", known.title),
        ("home", known.home),
        ("licence", known.licence),
        ("on the licence", known.licence_note or "–"),
        ("cite", known.citation),
        ("images, as published", count(known.images)),
        ("files", ", ".join(file.name for file in known.files)),
    ]
    return table(
        f"{name}-source",
        facts(rows, ("what", "as registered")),
        "From the book's registry of sources, `data/registry.yaml`, which the importer checks "
        "files against.",
    )


def _ham_composition(record: Record) -> str:
    images = _quantity(record, "ham10000", "images")
    lesions = _quantity(record, "ham10000", "lesions")
    photographs = record.series_frame("photographs")
    several = photographs[photographs["photographs"] > 1]
    rows = [
        ("images", count(images)),
        ("lesions", count(lesions)),
        ("lesions with several photographs", share(several["lesions"].sum(), lesions)),
        ("images of these", share(several["images"].sum(), images)),
        ("most photographs of one lesion", count(photographs["photographs"].max())),
        (
            f"images of {', '.join(_MALIGNANT)} (malignant)",
            share(_quantity(record, "ham10000", "malignant"), images),
        ),
    ]
    rows += [
        (f"without {line.column}", share(line.missing, images))
        for line in record.series_frame("missing").itertuples()
    ]
    parts = [table("ham10000-counts", facts(rows), "HAM10000 counted.")]
    classes = record.series_frame("classes")
    classes = classes.merge(_grounds(record, "dx-type"), on="class")
    parts.append(
        table(
            "ham10000-classes",
            classes.rename(columns={"count": "images", "images_per_lesion": "images a lesion"}),
            "Classes, lesions, and on what the diagnosis of each image rests.",
            {"percent": ".1f", "images a lesion": ".2f"},
        )
    )
    people = _totals(record, "sex").assign(what="sex")
    places = _totals(record, "sites").assign(what="site")
    table_of = pd.concat([people, places], ignore_index=True)[
        ["what", "category", "images", "percent"]
    ]
    parts.append(
        table("ham10000-people", table_of, "Sex and body site of the images.", {"percent": ".1f"})
    )
    ages = record.series_frame("age-summary")
    ages = ages[["class", "n", "missing", "mean", "q1", "median", "q3"]]
    parts.append(
        table(
            "ham10000-ages",
            ages.rename(columns={"n": "images with age"}),
            "Age in years, by class and in all; ages are given in steps of five years.",
            dict.fromkeys(("mean", "q1", "median", "q3"), ".1f"),
        )
    )
    return "\n".join([*parts, whence(record)])


def _ham_cleaning(record: Record) -> str:
    exact = record.series_frame("exact").iloc[0]
    across = record.series_frame("across")
    merged = record.series_frame("merged").iloc[0]
    conflicting = int((across["label"] != across["other_label"]).sum())
    report = record.series_frame("report").set_index("rule")
    rows = [
        ("files that cannot be read", count(report.loc["unreadable files", "dropped"])),
        ("pairs of identical files", count(exact["pairs"])),
        ("identical files under different lesion ids", count(exact["other_lesion"])),
        ("pairs of near duplicates under different lesion ids", count(len(across))),
        ("of these with different diagnoses", count(conflicting)),
        ("of these in different parts of the book's split", count(_apart(across))),
        ("lesions when such pairs are merged", count(merged["lesions_merged"])),
    ]
    return "\n".join(
        [table("ham10000-copies", facts(rows), "Copies found in HAM10000."), whence(record)]
    )


def _apart(pairs: pd.DataFrame) -> int:
    """Pairs of near duplicates that the book's own split puts into two parts."""
    parts = canonical_split("ham10000").parts
    part_of = {image: part for part, ids in parts.items() for image in ids}
    return int((pairs["image_id"].map(part_of) != pairs["other"].map(part_of)).sum())


def _fitzpatrick_composition(record: Record) -> str:
    all_rows = _quantity(record, "fitzpatrick17k", "images")
    tail = record.series_frame("tail")
    here = next(data for data in record.data if data.collection == "fitzpatrick17k")
    rows = [
        ("rows", count(all_rows)),
        ("columns", count(_quantity(record, "fitzpatrick17k", "columns"))),
        ("conditions", count(_quantity(record, "fitzpatrick17k", "classes"))),
        ("images of the most frequent condition", count(tail["count"].max())),
        ("images of the rarest condition", count(tail["count"].min())),
        ("rows with a skin type", share(_quantity(record, "fitzpatrick17k", "typed"), all_rows)),
        ("of these of type V or VI", _percent(_quantity(record, "fitzpatrick17k", "dark"))),
        (
            "rows typed twice in which both types agree",
            _percent(_quantity(record, "fitzpatrick17k", "same")),
        ),
        (
            "rows typed twice in which they differ by one at most",
            _percent(_quantity(record, "fitzpatrick17k", "within_one")),
        ),
        (
            "weighted κ of the two annotations",
            f"{_quantity(record, 'fitzpatrick17k', 'weighted_kappa'):.2f}",
        ),
        ("images that this book's published runs had", count(here.images)),
    ]
    parts = [table("fitzpatrick17k-counts", facts(rows), "Fitzpatrick17k's table counted.")]
    types = record.series_frame("skin-types")
    types["scale"] = types["scale"].map(_SCALES).fillna(types["scale"])
    parts.append(
        table(
            "fitzpatrick17k-types",
            types.rename(columns={"type": "Fitzpatrick type", "count": "rows"}),
            "Skin types by each of the two annotations.",
            {"percent": ".1f"},
        )
    )
    partitions = record.series_frame("partitions")[["class", "count", "percent"]]
    parts.append(
        table(
            "fitzpatrick17k-partitions",
            partitions.rename(columns={"class": "partition", "count": "rows"}),
            "The nine groups of conditions.",
            {"percent": ".1f"},
        )
    )
    return "\n".join([*parts, whence(record)])


def _fitzpatrick_review(record: Record) -> str:
    marks = record.series_frame("qc").rename(columns={"count": "rows"})
    found = record.series_frame("qc-summary").iloc[0]
    kinds = record.series_frame("copy-kinds")
    rows = [
        ("rows reviewed", share(found["reviewed"], found["rows"])),
        ("of these “wrongly labelled”", share(found["wrong"], found["reviewed"])),
        (
            "95 % interval of that share (Wilson)",
            f"{_percent(found['low'])} to {_percent(found['high'])}",
        ),
        (
            "wrong labels among all rows, if the reviewed are like the others",
            f"{count(found['expected'])} ({count(found['expected_low'])} to "
            f"{count(found['expected_high'])})",
        ),
        ("rows without an address", count(found["no_url"])),
        ("pairs of copies among the images at hand", count(kinds["pairs"].sum())),
        ("of these with different labels", count(kinds["conflicting"].sum())),
    ]
    return "\n".join(
        [
            table("fitzpatrick17k-marks", marks, "The quality marks.", {"percent": ".2f"}),
            table(
                "fitzpatrick17k-doubts", facts(rows), "What the marks and a search for copies say."
            ),
            whence(record),
        ]
    )


def _quantity(record: Record, collection: str, name: str) -> float:
    """An exact count of a Record; NaN if it has none of that name."""
    metric = record.metric(collection, "all", name)
    return float("nan") if metric is None or metric.value is None else metric.value


def _grounds(record: Record, series: str) -> pd.DataFrame:
    """Images by class and ground of diagnosis, a column a ground."""
    frame = record.series_frame(series)
    wide = frame.pivot(index="class", columns="category", values="count").fillna(0).astype("int64")
    known = [name for name in _GROUNDS if name in wide.columns]
    rest = [name for name in wide.columns if name not in known]
    return wide[[*known, *rest]].rename(columns=_GROUNDS).reset_index()


def _totals(record: Record, series: str) -> pd.DataFrame:
    """Images by category over all classes, largest first."""
    sums = record.series_frame(series).groupby("category")["count"].sum()
    sums = sums.sort_values(ascending=False)
    return pd.DataFrame(
        {
            "category": sums.index,
            "images": sums.to_numpy(),
            "percent": 100 * sums.to_numpy() / sums.sum(),
        }
    )


def _percent(value: float) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.1f} %"
