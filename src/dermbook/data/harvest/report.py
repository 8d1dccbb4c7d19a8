"""The account of a harvest: every row, and the reasons in a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from dermbook.data.harvest.addresses import FetchError, check_url
from dermbook.data.harvest.journal import FAILED, NULL, OK, PENDING, Outcome
from dermbook.data.harvest.wishes import Wish
from dermbook.data.harvest.workplace import RESULT
from dermbook.files import write_text

COLUMNS = (
    *("image_id", "url", "status", "reason", "detail", "retriable", "bytes", "width", "height"),
    *("sha256", "md5", "md5_matches", "found", "converted", "orientation", "attempts", "seconds"),
)


@dataclass(frozen=True)
class HarvestReport:
    """What came of a table of addresses.

    table: one row an image in the order asked for, with the columns of ``harvest.csv``
    (``COLUMNS``). status is ``ok``, ``failed``, ``null`` (no address) or ``pending`` (not reached
    when the run was stopped). fetched: addresses asked for in this run.
    """

    folder: Path
    table: pd.DataFrame = field(repr=False)
    fetched: int

    @property
    def images(self) -> int:
        """Images that are there."""
        return int((self.table["status"] == OK).sum())

    def reasons(self) -> pd.DataFrame:
        """reason, status, count, share of all rows, retriable, example (an id), commonest first."""
        grouped = self.table.groupby(["reason", "status", "retriable"], sort=False)["image_id"]
        frame = grouped.agg(count="size", example="first").reset_index()
        frame["share"] = frame["count"] / max(len(self.table), 1)
        frame = frame.sort_values(["count", "reason"], ascending=[False, True], kind="stable")
        columns = ["reason", "status", "count", "share", "retriable", "example"]
        return frame[columns].reset_index(drop=True)

    def hosts(self) -> pd.DataFrame:
        """host, addresses, ok, failed, megabytes, attempts; the host with most addresses first."""
        table = self.table[self.table["status"].isin([OK, FAILED])]
        frame = pd.DataFrame(
            {
                "host": [_host(url) for url in table["url"]],
                "ok": (table["status"] == OK).to_numpy(),
                "bytes": table["bytes"].fillna(0).to_numpy(dtype="float64"),
                "attempts": table["attempts"].to_numpy(),
            }
        )
        grouped = frame.groupby("host", sort=True)
        counts = grouped.agg(
            addresses=("ok", "size"),
            ok=("ok", "sum"),
            megabytes=("bytes", lambda each: round(each.sum() / 1e6, 3)),
            attempts=("attempts", "sum"),
        )
        counts.insert(2, "failed", counts["addresses"] - counts["ok"])
        return counts.sort_values("addresses", ascending=False, kind="stable").reset_index()

    def failures(self) -> pd.DataFrame:
        """The rows that gave no image: image_id, url, status, reason, detail, retriable."""
        columns = ["image_id", "url", "status", "reason", "detail", "retriable"]
        return self.table.loc[self.table["status"] != OK, columns].reset_index(drop=True)

    def save(self) -> Path:
        """Write ``harvest.csv``."""
        return write_text(self.folder / RESULT, self.table.to_csv(index=False))

    def __str__(self) -> str:
        lines = [
            f"{self.images:,} of {len(self.table):,} images are in {self.folder}; "
            f"{self.fetched:,} addresses were asked for in this run"
        ]
        for row in self.reasons().itertuples():
            if row.status != OK:
                again = ", tried again by the next run" if row.retriable else ""
                lines.append(f"  {row.reason}: {row.count:,}, for example {row.example}{again}")
        mismatches = int((self.table["md5_matches"] == False).sum())  # noqa: E712 - None is neither
        if mismatches:
            lines.append(f"  note: {mismatches:,} files differ from the MD5 of the table")
        return "\n".join(lines)


def report_of(
    folder: Path, wishes: Sequence[Wish], outcomes: Mapping[str, Outcome], fetched: int
) -> HarvestReport:
    """The report of a journal's outcomes for these rows; other rows of the journal are left out."""
    rows = []
    for wish in wishes:
        outcome = outcomes.get(wish.image_id)
        if outcome is None or (outcome.status != NULL and outcome.url != wish.url):
            outcome = Outcome(wish.image_id, wish.url, PENDING, "not-reached", retriable=True)
        row = asdict(outcome)
        row["md5_matches"] = outcome.md5 == wish.md5 if wish.md5 and outcome.md5 else None
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    whole = dict.fromkeys(("bytes", "width", "height", "orientation"), "Int64")
    return HarvestReport(folder, table.astype(whole), fetched)


def _host(url: str) -> str:
    try:
        return check_url(url).host
    except FetchError:
        return "(no address)"
