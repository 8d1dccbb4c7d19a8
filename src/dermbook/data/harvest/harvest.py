"""From a table of addresses to a folder of images, and an account of every row.

R0 (row 0.1) fetched 16,577 addresses in a loop and kept what came. This does the same so that
nothing is lost, nothing is fetched twice, and each address that gave no image has a reason.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pandas as pd

from dermbook.data.harvest.addresses import FetchError, check_url, origin
from dermbook.data.harvest.journal import FAILED, NULL, OK, Journal, Outcome
from dermbook.data.harvest.network import Client
from dermbook.data.harvest.pictures import Picture, PictureError, normal_form
from dermbook.data.harvest.report import HarvestReport, report_of
from dermbook.data.harvest.wishes import Wish, read_wishes
from dermbook.data.harvest.workplace import Group, Workplace, workplace
from dermbook.data.staging import _shown, _usable_cores
from dermbook.errors import ParameterError

RETRY = ("transient", "all", "none")
#: connection failures in a row after which a host is left alone for the rest of a run
GIVE_UP_AFTER = 20
_UNREACHABLE = ("no-such-host", "dns-failed", "connection-refused")


def harvest(
    table: pd.DataFrame,
    folder: Path | str,
    *,
    id_column: str = "image_id",
    url_column: str = "url",
    md5_column: str | None = None,
    client: Client | None = None,
    workers: int = 16,
    retry: str = "transient",
    normalise: Callable[[bytes], Picture] = normal_form,
    give_up_after: int | None = GIVE_UP_AFTER,
    progress: bool = True,
) -> HarvestReport:
    """Fetch each row's image to ``folder/images/ID.jpg`` and account for every row.

    table: ids in ``id_column`` (letters, digits, ``. _ -``; unique even where case does not
    count), addresses in ``url_column``; a row without one gets the reason ``null-url``. Rows with
    the same address share one download. md5_column: the published file's MD5; a file that differs
    is kept, and the report tells.

    A second run goes on: images that are there and whole are left alone. ``retry`` says which
    failures are tried again: ``transient`` (lost connections, timeouts, 429, 5xx, empty or cut
    files, hosts that were down), ``all`` (also 404, web pages and the like) or ``none``. A kill
    loses at most the downloads that were on their way. ``folder/harvest.csv`` is the result.

    client: who fetches; a polite one of its own if None. workers: downloads at a time (the
    client's own limits hold, too). A host that cannot be reached ``give_up_after`` times in a row
    is left alone for this run (reason ``host-down``); None tries on.

    DataError for an unusable table, a folder that another process fills, or a full disk;
    ParameterError for a bad argument. Ctrl-C keeps what came.
    """
    if retry not in RETRY:
        raise ParameterError(f"retry={retry!r} is unknown; give one of {', '.join(RETRY)}.")
    if workers < 1:
        raise ParameterError(f"workers must be at least 1, not {workers}.")
    wishes = read_wishes(table, id_column, url_column, md5_column)
    with workplace(Path(folder)) as place:
        journal = place.journal
        for wish in wishes:
            if wish.null:
                place.image(wish.image_id).unlink(missing_ok=True)
                _note(journal, Outcome(wish.image_id, "", NULL, "null-url"))
        groups = place.groups(wishes, retry)
        own = client is None
        client = client or Client()
        run = _Run(place, client, normalise, give_up_after)
        try:
            run.work(groups, workers, progress)
        finally:
            if own:
                client.close()
            report = report_of(place.folder, wishes, journal.outcomes, run.fetched)
            report.save()
    return report


class _Run:
    """One run: what its workers share."""

    def __init__(
        self,
        place: Workplace,
        client: Client,
        normalise: Callable[[bytes], Picture],
        give_up_after: int | None,
    ) -> None:
        self.fetched = 0
        self._place = place
        self._client = client
        self._normalise = normalise
        self._give_up_after = give_up_after
        self._unreached: dict[str, int] = {}
        self._lock = threading.Lock()
        # decoding more pictures at a time than there are cores only takes memory
        self._cores = threading.BoundedSemaphore(_usable_cores())

    def work(self, groups: list[Group], workers: int, progress: bool) -> None:
        """Settle all groups; on Ctrl-C or an error nothing new is begun."""
        with ThreadPoolExecutor(workers, thread_name_prefix="harvest") as pool:
            try:
                settled = _as_settled(pool, self._settle, groups, workers)
                for _ in _shown(settled, len(groups), "Fetching images", progress):
                    pass
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _settle(self, group: Group) -> None:
        """One address: download it (or copy what is there), and note each image's outcome."""
        if group.present is not None:
            content, before = group.present
            for wish in group.wishes:
                self._write(wish.image_id, content)
                _note(self._place.journal, _renamed(before, wish))
            return
        try:
            outcome, content = self._fetch(group.url)
        except FetchError as error:
            outcome = _failure(error.reason, error.detail, not error.permanent, error.attempts)
            content = None
        for wish in group.wishes:
            if content is not None:
                self._write(wish.image_id, content)
            else:  # a damaged file, or one that a killed run did not note
                self._place.image(wish.image_id).unlink(missing_ok=True)
            _note(self._place.journal, _renamed(outcome, wish))

    def _fetch(self, url: str) -> tuple[Outcome, bytes | None]:
        host = _host(url)
        if self._is_down(host):
            return _failure("host-down", f"{host} could not be reached before", True, 0), None
        with self._lock:
            self.fetched += 1
        try:
            came = self._client.get(url)
        except FetchError as error:
            self._heard(host, error.reason not in _UNREACHABLE)
            raise
        self._heard(host, True)
        try:
            with self._cores:
                picture = self._normalise(came.content)
        except PictureError as error:
            failed = _failure(error.reason, error.detail, not error.permanent, came.attempts)
            return failed, None
        outcome = Outcome(
            image_id="",
            url=url,
            status=OK,
            reason="converted" if picture.converted else "kept",
            bytes=len(picture.content),
            width=picture.width,
            height=picture.height,
            sha256=hashlib.sha256(picture.content).hexdigest(),
            md5=hashlib.md5(came.content, usedforsecurity=False).hexdigest(),
            found=picture.found,
            converted=picture.converted,
            orientation=picture.orientation,
            attempts=came.attempts,
            seconds=round(came.seconds, 3),
        )
        return outcome, picture.content

    def _write(self, image_id: str, content: bytes) -> None:
        # not files.replacing, which asks for the umask: that is the process's, not the thread's
        path = self._place.image(image_id)
        part = path.with_name(f".{path.stem}.part{path.suffix}")
        part.write_bytes(content)
        part.replace(path)

    def _is_down(self, host: str) -> bool:
        limit = self._give_up_after
        with self._lock:
            return limit is not None and self._unreached.get(host, 0) >= limit

    def _heard(self, host: str, reached: bool) -> None:
        with self._lock:
            self._unreached[host] = 0 if reached else self._unreached.get(host, 0) + 1


def _as_settled(
    pool: ThreadPoolExecutor, settle: Callable[[Group], None], groups: list[Group], workers: int
) -> Iterator[None]:
    """Run ``settle`` on each group, few ahead of the workers; one item a settled group."""
    running = set()
    waiting = iter(groups)
    while True:
        while len(running) < 2 * workers and (group := next(waiting, None)) is not None:
            running.add(pool.submit(settle, group))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
            yield


def _failure(reason: str, detail: str, retriable: bool, attempts: int) -> Outcome:
    return Outcome("", "", FAILED, reason, detail[:300], retriable, attempts=attempts)


def _renamed(outcome: Outcome, wish: Wish) -> Outcome:
    return replace(outcome, image_id=wish.image_id, url=wish.url)


def _note(journal: Journal, outcome: Outcome) -> None:
    """Write an outcome down unless it is there already."""
    if journal.outcomes.get(outcome.image_id) != outcome:
        journal.add(outcome)


def _host(url: str) -> str:
    try:
        return origin(check_url(url))
    except FetchError:
        return ""
