"""The groups that a collection's own table allows: skin type, sex, age, site, source."""

from collections.abc import Mapping

import pandas as pd

from dermbook.errors import DataError

#: HAM10000's places on the body, as regions that are large enough to be compared
REGIONS: Mapping[str, tuple[str, ...]] = {
    "head and neck": ("face", "scalp", "ear", "neck"),
    "trunk": ("back", "trunk", "chest", "abdomen", "genital"),
    "arms and hands": ("upper extremity", "hand"),
    "legs and feet": ("lower extremity", "foot", "acral"),
}
#: upper ends of the age bands, in years, and what the bands are called
AGES = (-1, 29, 44, 59, 74, 200)
AGE_NAMES = ("under 30", "30–44", "45–59", "60–74", "75 and over")
SKIN_NAMES = ("I", "II", "III", "IV", "V", "VI")
BAND_NAMES = ("I–II", "III–IV", "V–VI")
KINDS = {"histo": "histology", "follow_up": "follow-up"}


def attribute_table(table: pd.DataFrame) -> pd.DataFrame:
    """Each image's group under every attribute that the table knows; the table's index.

    table: a collection's. Columns, those only whose source is there: ``skin type`` (I to VI) and
    ``skin, in pairs`` from fitzpatrick_scale; ``sex``; ``age`` (bands of 15 years); ``body site``
    (four regions of localization); ``kind of diagnosis`` from dx_type; ``image source`` from
    dataset, which some copies of HAM10000's table have; ``web site`` from site. Text; missing where
    the table has no value, or the word ``unknown``. Categories keep an order of their own.

    DataError for a skin type outside 1 to 6, a place on the body that is in no region, and where
    there is no attribute at all.
    """
    found: dict[str, pd.Series] = {}
    if "fitzpatrick_scale" in table.columns:
        types = _skin(table["fitzpatrick_scale"])
        found["skin type"] = _ordered(types.map(dict(enumerate(SKIN_NAMES, 1))), SKIN_NAMES)
        pairs = {number: BAND_NAMES[(number - 1) // 2] for number in range(1, 7)}
        found["skin, in pairs"] = _ordered(types.map(pairs), BAND_NAMES)
    if "sex" in table.columns:
        found["sex"] = _plain(table["sex"])
    if "age" in table.columns:
        bands = pd.cut(table["age"], AGES, labels=AGE_NAMES)
        found["age"] = _ordered(bands.astype(object), AGE_NAMES)
    if "localization" in table.columns:
        found["body site"] = _regions(table["localization"])
    if "dx_type" in table.columns:
        found["kind of diagnosis"] = _plain(table["dx_type"].replace(KINDS))
    if "dataset" in table.columns:
        found["image source"] = _plain(table["dataset"])
    if "site" in table.columns:
        found["web site"] = _plain(table["site"])
    if not found:
        raise DataError("attribute_table: the table has no column by which patients are grouped.")
    return pd.DataFrame(found, index=table.index)


def _skin(column: pd.Series) -> pd.Series:
    types = pd.to_numeric(column, errors="coerce").astype("float64")
    known = types.dropna()
    if not known.isin(range(1, 7)).all():
        wrong = known[~known.isin(range(1, 7))].iloc[0]
        raise DataError(f"fitzpatrick_scale: {wrong:g} is no skin type; 1 to 6 are, or missing.")
    return types


def _regions(column: pd.Series) -> pd.Series:
    places = _plain(column).astype(object)
    region = {place: name for name, several in REGIONS.items() for place in several}
    strange = places.dropna()[~places.dropna().isin(region)]
    if len(strange):
        raise DataError(f"localization: {strange.iloc[0]!r} is in no region of attributes.REGIONS.")
    return _ordered(places.map(region), tuple(REGIONS))


def _plain(column: pd.Series) -> pd.Series:
    values = column.astype(object).where(column.notna() & (column != "unknown"))
    return _ordered(values, tuple(sorted(values.dropna().unique())))


def _ordered(values: pd.Series, names: tuple[str, ...]) -> pd.Series:
    return pd.Series(
        pd.Categorical(values.astype(object), categories=list(names)), index=values.index
    )
