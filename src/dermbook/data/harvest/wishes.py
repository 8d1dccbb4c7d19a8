"""Reading a table of addresses that nobody has checked."""

import re
from dataclasses import dataclass

import pandas as pd

from dermbook.data.verification import some
from dermbook.errors import DataError

#: what tables write where there is no address
NO_ADDRESS = frozenset({"", "nan", "none", "null", "na", "n/a", "-"})
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
# Windows takes these for devices, whatever the suffix
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)


@dataclass(frozen=True)
class Wish:
    """One row: an image to be had. md5: the published file's, or nothing."""

    image_id: str
    url: str
    md5: str = ""

    @property
    def null(self) -> bool:
        """Whether the row has no address."""
        return not self.url


def read_wishes(
    table: pd.DataFrame, id_column: str, url_column: str, md5_column: str | None
) -> list[Wish]:
    """The table's rows; DataError for missing columns and for ids that cannot name a file.

    An id becomes a file's name, so one like ``../../.bashrc`` must not get through, nor two that
    differ in case only: many disks take them for one.
    """
    wanted = [column for column in (id_column, url_column, md5_column) if column is not None]
    if missing := [column for column in wanted if column not in table.columns]:
        raise DataError(
            f"The table of addresses lacks {', '.join(missing)}; it has "
            f"{', '.join(map(str, table.columns)) or 'no columns'}."
        )
    ids = ["" if pd.isna(value) else str(value) for value in table[id_column]]
    if bad := [repr(i) for i in ids if not _ID.fullmatch(i) or _DEVICES.fullmatch(i)]:
        raise DataError(
            f"{id_column}: {len(bad):,} ids cannot name a file: {some(bad)}. Use letters, digits "
            "and . _ - only, beginning with a letter or digit."
        )
    folded = pd.Series(ids, dtype="str").str.lower()
    if folded.duplicated().any():
        twice = dict.fromkeys(i for i, d in zip(ids, folded.duplicated(), strict=True) if d)
        raise DataError(
            f"{id_column}: {len(twice):,} ids stand in the table more than once (upper and lower "
            f"case count as equal): {some(twice)}. Give each image an id of its own."
        )
    md5s = table[md5_column] if md5_column else [""] * len(ids)
    return [
        Wish(image_id, _text(url), _text(md5).lower())
        for image_id, url, md5 in zip(ids, table[url_column], md5s, strict=True)
    ]


def _text(value: object) -> str:
    text = "" if pd.isna(value) else str(value).strip()
    return "" if text.lower() in NO_ADDRESS else text
