"""What the chapter on data acquisition found."""

import pandas as pd

from dermbook.publishing.record import Record
from dermbook.publishing.reported import load_reported


def data_acquisition(record: Record) -> list[str]:
    """Faults of a publisher's folder, of a web server, of a killed run; a table of addresses."""
    faults = record.series_frame("faults")["answer"].value_counts()
    outcomes = record.series_frame("outcomes")
    runs = record.series_frame("runs")
    checks = record.series_frame("kill-checks").set_index("check")["count"]
    killed = int((record.series_frame("kills")["ended"] == "killed").sum())
    speed = record.series_frame("speed").set_index(["how", "round_trip_ms"])["images_per_second"]
    trip = speed.index.get_level_values("round_trip_ms").max()
    plain = outcomes["plain"].dropna()
    saved = plain[plain != "error"]
    return [
        f"Of {faults.sum()} faults planted in a phantom publisher's folder {faults['refused']} are "
        f"refused, {faults.get('told', 0)} told and {faults.get('taken', 0)} taken as they are.",
        f"{outcomes['right'].sum():,} of {outcomes['n'].sum():,} addresses of {len(outcomes)} "
        f"kinds were classified rightly on a server of phantom pictures. The second run asked for "
        f"{runs['asked'][1]:,} addresses, those that failed and might pass "
        f"({runs['retriable'][0]:,}); the third for {runs['asked'][2]:,}.",
        f"A plain loop, tried on {len(plain)} kinds, saves {len(saved)} of them as `.jpg`, and "
        f"{int((saved != 'picture').sum())} of those files are not what the name says; it loses "
        f"{int((plain == 'error').sum())}.",
        f"Killed {killed} times, the harvest ended with {checks['images lost']:,} images lost, "
        f"{checks['images too many']:,} too many and {checks['images that differ']:,} different "
        "from an undisturbed one. "
        + "; ".join(f"{name}: {count:,}" for name, count in checks.items() if "again" in name)
        + ".",
        f"{speed['harvest', 0.0]:,.0f} phantom images a second from next door; from {trip:.0f} ms "
        f"away {speed['harvest', trip]:,.0f}, where one after the other gives "
        f"{speed['plain loop', trip]:,.0f}.",
        _addresses(record.series_frame("addresses"), record.phantom),
    ]


def address_finding(steps: pd.DataFrame, phantom: bool) -> dict[str, str]:
    """What the steps of row 0.1 come to, and what R0's count then says, for ``Chapter.finding``.

    R0's own count depends on which addresses answered when it was written, so it cannot be measured
    again. What can be checked is whether it is possible: it must not exceed what the table leaves.
    """
    left, kept = int(steps["left"].iloc[-1]), _kept()
    if phantom:
        because = "the phantom's table is not R0's"
    elif kept <= left:
        because = (
            f"R0 kept {kept:,}: that leaves {left - kept:,} dead addresses if it dropped nothing "
            "else, and which were dead on that day no later run can tell"
        )
    else:
        because = f"R0 kept {kept:,}, which is more than the table has"
    possible = phantom or kept <= left
    return {
        "verdict": "cannot be compared" if possible else "not confirmed",
        "measured": f"{_steps(steps)}: {left:,} addresses are left",
        "because": because,
    }


def folder_finding(folders: pd.DataFrame) -> dict[str, str]:
    """That the class folders and the zip of rows 1.1 and 4.2 hold every image once."""
    images, zipped = int(folders["images"].sum()), int(folders["zipped"].sum())
    return {
        "verdict": "cannot be compared",
        "measured": f"{images:,} phantom images in {len(folders)} class folders, {zipped:,} in the "
        "zip",
        "because": "it is a way of working, without a result; the book reads a table instead",
    }


def _kept() -> int:
    return int(load_reported().quantities().loc["R0.images-kept", "value"])


def _steps(steps: pd.DataFrame) -> str:
    first, wrong, null, both = steps["rows"]
    return (
        f"{first:,} rows, {wrong:,} wrongly labelled, {null + both:,} without an address "
        f"({both:,} in common)"
    )


def _addresses(steps: pd.DataFrame, phantom: bool) -> str:
    """The sentence on the table of addresses."""
    left = steps["left"].iloc[-1]
    what = "phantom table of addresses" if phantom else "published table"
    sentence = f"The {what}: {_steps(steps)}; {left:,} are left to fetch."
    if phantom:
        return sentence
    return f"{sentence} R0 kept {_kept():,}, which leaves {left - _kept():,} dead addresses."
