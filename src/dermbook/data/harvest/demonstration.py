"""The harvest against a server that misbehaves: right or wrong by kind, resumed, and killed.

All of it happens on this machine, with phantom pictures. ``kill_demonstration`` runs the harvest in
a process of its own and kills that as a power cut would (``SIGKILL``).
"""

import hashlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dermbook.data.harvest.faults import ADDRESSES, KINDS, ROUND_TRIP, expected_outcome
from dermbook.data.harvest.harvest import harvest
from dermbook.data.harvest.misbehaving import MisbehavingServer, client_for, table_of
from dermbook.data.harvest.report import HarvestReport
from dermbook.data.harvest.workplace import IMAGES, JOURNAL, RESULT
from dermbook.errors import DataError


@dataclass(frozen=True)
class Demonstration:
    """What the harvest made of a misbehaving server.

    outcomes: kind, what, expected, got, n (addresses), right (of them), requests (a address, on
    average), plain (what the plain loop saved under this name). runs: run, asked (addresses),
    requests, images, failed, seconds. speed: how, round_trip_ms, images, seconds,
    images_per_second.
    report: the last run's.
    """

    outcomes: pd.DataFrame
    runs: pd.DataFrame
    speed: pd.DataFrame
    report: HarvestReport


def demonstration(
    folder: Path | str, *, urls: int = 300, seed: int = 0, workers: int = 24
) -> Demonstration:
    """Harvest ``urls`` addresses of every kind, twice more with the server repaired, and judge.

    The second run must ask for nothing but what failed and may pass, the third for nothing.
    """
    folder = Path(folder)
    with MisbehavingServer() as server:
        table = table_of(server, urls, seed)
        first, row = _run("first", server, table, folder, seed, workers)
        runs = [row]
        outcomes = _judged(first, table, server)
        server.heal()
        for name in ("second, the server repaired", "third"):
            report, row = _run(name, server, table, folder, seed, workers)
            runs.append(row)
        outcomes = outcomes.merge(_plain_by_kind(table, seed), on="kind", how="left")
        speed = _speed(server, urls, seed, workers)
    return Demonstration(outcomes, pd.DataFrame(runs), speed, report)


def kill_demonstration(
    *, urls: int = 200, seed: int = 0, kills: int = 4, workers: int = 8
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Kill a harvest ``kills`` times at random moments, let it finish, compare with a quiet one.

    Returns (runs, checks). runs: run, ended, settled (rows in the journal when it ended), requests.
    checks: check, count, wanted: all counts must be as wanted; addresses asked again are at most
    the downloads that were on their way when a kill came, besides failures that may pass, which
    every run tries again on purpose.
    """
    with tempfile.TemporaryDirectory() as name, MisbehavingServer() as server:
        quiet, killed = Path(name) / "quiet", Path(name) / "killed"
        table = table_of(server, urls, seed, slow=False)
        path = Path(name) / "table.csv"
        table.to_csv(path, index=False)
        with client_for(server.host, workers=workers, seed=seed) as client:
            harvest(table, quiet, client=client, workers=workers, give_up_after=None)
        once = Counter(server.requests)
        server.requests.clear()
        moments = sorted(
            random.Random(seed).sample(range(1, max(urls * 9 // 10, kills + 1)), kills)
        )
        rows = []
        for number, moment in enumerate([*moments, None], start=1):
            ended = _worker(path, killed, server.host, workers, seed, moment)
            settled = _lines(killed / JOURNAL)
            rows.append((number, ended, settled, sum(server.requests.values())))
        # by number: an address that redirects has two paths
        more = {int(path.rpartition("/")[2]) for path in Counter(server.requests) - once}
        again = len(more - _may_pass(quiet))
        runs = pd.DataFrame(rows, columns=["run", "ended", "settled", "requests"])
        runs["requests"] = runs["requests"].diff().fillna(runs["requests"]).astype(int)
        return runs, _compared(quiet, killed, again, kills * workers)


def _run(
    name: str, server: MisbehavingServer, table: pd.DataFrame, folder: Path, seed: int, workers: int
) -> tuple[HarvestReport, dict]:
    before, started = sum(server.requests.values()), time.perf_counter()
    with client_for(server.host, workers=workers, seed=seed) as client:
        report = harvest(table, folder, client=client, workers=workers, give_up_after=None)
    row = {
        "run": name,
        "asked": report.fetched,
        "requests": sum(server.requests.values()) - before,
        "images": report.images,
        "failed": len(table) - report.images,
        "retriable": int(report.table["retriable"].sum()),
        "seconds": round(time.perf_counter() - started, 2),
    }
    return report, row


def _judged(report: HarvestReport, table: pd.DataFrame, server: MisbehavingServer) -> pd.DataFrame:
    rows = []
    merged = report.table.merge(table[["image_id", "kind"]], on="image_id")
    for kind, each in merged.groupby("kind", sort=False):
        wanted = expected_outcome(kind)
        numbers = each["image_id"].str[-5:].astype(int)
        counts = [server.requests[f"/{kind}/{number}"] for number in numbers]
        right = (
            (each["status"] == wanted.status)
            & (each["reason"] == wanted.reason)
            & (each["found"] == wanted.found)
            & (each["retriable"] == wanted.retriable)
        )
        told = _told(wanted.reason, wanted.found)
        got = Counter(_told(r, f) for r, f in zip(each["reason"], each["found"], strict=True))
        rows.append(
            {
                "kind": kind,
                "what": KINDS[kind].what if kind in KINDS else "the table's own fault",
                "expected": told,
                "got": ", ".join(f"{name}" for name, _ in got.most_common()),
                "n": len(each),
                "right": int(right.sum()),
                "requests": round(sum(counts) / len(counts), 2),
            }
        )
    order = {name: position for position, name in enumerate([*KINDS, *ADDRESSES])}
    frame = pd.DataFrame(rows)
    return frame.sort_values("kind", key=lambda names: names.map(order)).reset_index(drop=True)


def _told(reason: str, found: str) -> str:
    return f"{reason} ({found})" if found else reason


def _plain_by_kind(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What a plain loop, as R0 describes its own, would have saved as ``.jpg``, one of each kind.

    Left out: kinds that would hold it up, fill its memory or lead it away from this machine. It
    has a server of its own, where no address has got better since the harvest asked.
    """
    rows = []
    with MisbehavingServer() as server:
        for kind in table["kind"].unique():
            away = kind.startswith("redirect-") and kind not in (
                "redirect-loop",
                "redirect-endless",
            )
            if kind in ADDRESSES or kind == "flood" or away or KINDS[kind].slow:
                continue
            rows.append({"kind": kind, "plain": plain_download(server.url(kind, 0))})
    return pd.DataFrame(rows, columns=["kind", "plain"])


def plain_download(url: str, timeout: float = 3.0) -> str:
    """What one step of a plain loop leaves: ``picture``, ``no picture``, ``cut picture``,
    ``other format`` (a picture that is no RGB JPEG, called .jpg all the same) or ``error``."""
    from dermbook.data.harvest.pictures import PictureError, normal_form

    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            content = answer.read()
    except Exception:  # a plain loop catches everything, if it catches at all
        return "error"
    try:
        return "other format" if normal_form(content).converted else "picture"
    except PictureError as error:
        return "cut picture" if error.reason == "truncated" else "no picture"


def _speed(server: MisbehavingServer, urls: int, seed: int, workers: int) -> pd.DataFrame:
    """Images a second where nothing goes wrong, against a plain loop on as many addresses."""
    rows = []
    for kind in ("ok", "far"):
        # numbers of their own, so that no address was asked for before
        table = pd.DataFrame({"number": range(10**6, 10**6 + urls)})
        table["image_id"] = [f"p{number}" for number in table["number"]]
        table["url"] = [server.url(kind, number) for number in table["number"]]
        trip = 1000 * ROUND_TRIP if kind == "far" else 0.0
        with tempfile.TemporaryDirectory() as name:
            with client_for(server.host, workers=workers, seed=seed) as client:
                started = time.perf_counter()
                report = harvest(table, Path(name) / "harvest", client=client, workers=workers)
                rows.append(("harvest", trip, urls, time.perf_counter() - started))
            if report.images != urls:
                raise DataError(f"the speed test lost images: {report}")
            few = table.head(100)  # as slow for hundred as for thousand
            started = time.perf_counter()
            plain_loop(few["url"], Path(name))
            rows.append(("plain loop", trip, len(few), time.perf_counter() - started))
    frame = pd.DataFrame(rows, columns=["how", "round_trip_ms", "images", "seconds"])
    frame["images_per_second"] = frame["images"] / frame["seconds"]
    return frame


def plain_loop(urls: Iterable[str], folder: Path) -> None:
    """One address after the other, whatever comes called ``.jpg``: the loop that R0 describes."""
    for number, url in enumerate(urls):
        with urllib.request.urlopen(url, timeout=5) as answer:
            (folder / f"{number}.jpg").write_bytes(answer.read())


def _worker(
    table: Path, folder: Path, host: str, workers: int, seed: int, moment: int | None
) -> str:
    """Run the harvest as a process; kill it once the journal has ``moment`` lines."""
    command = [sys.executable, "-m", "dermbook.data.harvest.demonstration"]
    command += [str(table), str(folder), host, str(workers), str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None:
        if moment is not None and _lines(folder / JOURNAL) >= moment:
            process.kill()
            process.wait()
        time.sleep(0.002)
    errors = process.stderr.read().decode() if process.stderr else ""
    if process.returncode > 0:
        raise DataError(f"the harvest failed: {errors.strip()}")
    return "killed" if process.returncode < 0 else "finished"


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.is_file() else 0


def _compared(quiet: Path, killed: Path, again: int, allowed: int) -> pd.DataFrame:
    wanted, got = _hashes(quiet / IMAGES), _hashes(killed / IMAGES)
    columns = ["image_id", "status", "reason", "found", "sha256", "retriable"]
    reports = [pd.read_csv(place / RESULT)[columns].fillna("") for place in (quiet, killed)]
    different = int((reports[0] != reports[1]).any(axis=1).sum())
    rows = [
        ("images of the undisturbed harvest", len(wanted), str(len(wanted))),
        ("images lost", len(set(wanted) - set(got)), "0"),
        ("images too many", len(set(got) - set(wanted)), "0"),
        ("images that differ", sum(wanted[i] != got[i] for i in set(wanted) & set(got)), "0"),
        ("rows of the report that differ", different, "0"),
        ("half-written files left", len(list((killed / IMAGES).glob(".*"))), "0"),
        ("addresses asked again, besides failures that may pass", again, f"at most {allowed}"),
    ]
    return pd.DataFrame(rows, columns=["check", "count", "wanted"])


def _may_pass(folder: Path) -> set[int]:
    """Numbers of the addresses whose failure the next run would try again."""
    result = pd.read_csv(folder / RESULT)
    ids = result.loc[result["retriable"].astype(bool), "image_id"]
    return {int(number) for number in ids.str[-5:]}


def _hashes(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def main(arguments: list[str]) -> None:
    """The process that is killed: TABLE FOLDER HOST WORKERS SEED."""
    table, folder, host, workers, seed = arguments
    with client_for(host, workers=int(workers), seed=int(seed)) as client:
        harvest(pd.read_csv(table), folder, client=client, workers=int(workers), give_up_after=None)


if __name__ == "__main__":
    main(sys.argv[1:])
