"""A patient, polite and suspicious client for files on the web.

``Client.get`` brings a file into memory, ``Client.stream_to`` a big one to disk and goes on where
it was cut off. Both follow redirects by hand and check every hop, cap size and time, try again
what may pass, wait as long as a server asks, and say in one word why a file did not come.
"""

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpcore
import httpx

from dermbook import __version__
from dermbook.data.harvest.addresses import FetchError, Resolver, check_url, origin
from dermbook.data.harvest.answers import body, failure_of, is_redirect, media_type, wait_asked
from dermbook.data.harvest.connections import CheckedBackend, Deadline

#: some sites answer 403 to a program that sends no headers (R0's experience)
HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; dermbook/{__version__}; research and teaching)",
    "Accept": "image/jpeg,image/png,image/*;q=0.9,*/*;q=0.5",
    "Accept-Language": "en;q=0.9,*;q=0.5",
    # images are compressed already, and a part of a file must be a part of its own bytes
    "Accept-Encoding": "identity",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """How long, how large, how often. Seconds and bytes.

    connect, read: for one step on a socket. total: for one attempt at a whole file, or for 64 KiB
    of a file that is streamed to disk. max_bytes: of one file, decompressed. attempts: at most.
    backoff: before the second attempt, doubling to ``backoff_max``, shortened at random by up to
    half. retry_after_max: a server that asks for a longer wait is left alone for this run.
    redirects: followed at most. per_host, overall: requests at a time.
    """

    connect: float = 10.0
    read: float = 20.0
    total: float = 90.0
    max_bytes: int = 64 * 2**20
    attempts: int = 4
    backoff: float = 1.0
    backoff_max: float = 30.0
    retry_after_max: float = 120.0
    redirects: int = 5
    per_host: int = 8
    overall: int = 16


@dataclass(frozen=True)
class Fetched:
    """A file in memory. url: where it came from in the end, after redirects."""

    status: int
    content: bytes = field(repr=False)
    media_type: str
    url: str
    attempts: int
    seconds: float


class Client:
    """Fetches files. Safe to share between threads; close it, or use it in a ``with``.

    headers: added to ``HEADERS`` or replacing them; None as a value leaves one out. referer: send
    the address's own site as the page one comes from. allow_private: True, or ``host:port`` origins
    that may lie in a private network. allow_downgrade: follow redirects from https to http.
    seed: of the jitter. sleep: what waits, for tests.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        headers: Mapping[str, str | None] | None = None,
        referer: bool = True,
        allow_private: bool | Collection[str] = False,
        allow_downgrade: bool = False,
        seed: int = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits = limits or Limits()
        self._headers = {k: v for k, v in {**HEADERS, **(headers or {})}.items() if v is not None}
        self._referer = referer
        self._downgrade = allow_downgrade
        self._seed = seed
        self._sleep = sleep
        self._deadline = Deadline()
        self._hosts: dict[str, threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()
        self._overall = threading.BoundedSemaphore(self.limits.overall)
        backend = CheckedBackend(Resolver(allow_private), self._deadline)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=None,  # the semaphores count; a pool of its own would queue unfairly
            max_keepalive_connections=self.limits.overall,
            keepalive_expiry=5.0,
            network_backend=backend,
        )

    def get(self, url: str) -> Fetched:
        """The file at an address, in memory.

        FetchError says why there is none: its ``reason`` in one word, and whether it is
        ``permanent``. What may pass (429, 5xx, timeouts, lost connections) was tried
        ``limits.attempts`` times before.
        """
        started = time.monotonic()

        def once(attempt: int) -> Fetched:
            with self.answer(url) as (response, final):
                content = b"".join(body(response, self.limits.max_bytes))
                kind = media_type(response)
                took = time.monotonic() - started
                return Fetched(response.status, content, kind, final, attempt, took)

        return self.patiently(url, once)

    def stream_to(
        self,
        url: str,
        path: Path | str,
        *,
        resume: bool = True,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> "Path":
        """A big file to disk: see :func:`dermbook.data.harvest.streaming.stream_to`."""
        from dermbook.data.harvest.streaming import stream_to

        return stream_to(self, url, path, resume=resume, progress=progress)

    def patiently(
        self, url: str, once: Callable[[int], T], progressed: Callable[[], bool] = lambda: False
    ) -> T:
        """Call ``once(attempt)`` until it succeeds, fails for good, or was tried often enough.

        ``progressed`` may say after a failure that it got further: that attempt does not count.
        """
        attempt = tried = 0
        while True:
            attempt, tried = attempt + 1, tried + 1
            try:
                return once(attempt)
            except FetchError as error:
                tried = 0 if progressed() else tried
                error.attempts, error.url = attempt, url
                asked = error.wait or 0.0
                last = tried >= self.limits.attempts or asked > self.limits.retry_after_max
                if error.permanent or last:
                    raise
            self._sleep(max(asked, self._pause(url, max(tried, 1))))

    @contextmanager
    def answer(
        self, url: str, headers: Mapping[str, str] | None = None, accept: tuple[int, ...] = (200,)
    ) -> Iterator[tuple[httpcore.Response, str]]:
        """The response whose status is in ``accept``, and the address it came from.

        Follows redirects. Every way in which this, or reading it, can fail is a FetchError.
        """
        target = check_url(url)
        seen: list[str] = []
        while True:
            seen.append(str(target))
            with self._request(target, headers or {}) as response:
                if not is_redirect(response):
                    if response.status not in accept:
                        raise failure_of(response)
                    yield response, seen[-1]
                    return
                following = self._next(target, response)
            if str(following) in seen or len(seen) > self.limits.redirects:
                loop = str(following) in seen
                raise FetchError(
                    "redirect-loop" if loop else "too-many-redirects",
                    "the redirects go in a circle" if loop else f"more than {len(seen) - 1} hops",
                    permanent=True,
                )
            target = following

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def extend_deadline(self) -> None:
        """Give the request of this thread another ``limits.total`` seconds."""
        self._deadline.until = time.monotonic() + self.limits.total

    def _next(self, target: httpx.URL, response: httpcore.Response) -> httpx.URL:
        location = dict(response.headers)
        text = next((v for k, v in location.items() if k.lower() == b"location"), b"")
        try:
            joined = str(target.join(text.decode("utf-8", "replace")))
        except (httpx.InvalidURL, ValueError):
            joined = ""
        following = check_url(joined)
        if target.scheme == "https" and following.scheme == "http" and not self._downgrade:
            raise FetchError("insecure-redirect", "the redirect leaves https", permanent=True)
        return following

    @contextmanager
    def _request(
        self, target: httpx.URL, headers: Mapping[str, str]
    ) -> Iterator[httpcore.Response]:
        given = {"Host": target.netloc.decode("ascii"), **self._headers, **headers}
        if self._referer:
            given["Referer"] = str(target.copy_with(raw_path=b"/"))
        steps = {"connect": self.limits.connect, "read": self.limits.read}
        steps |= {"write": self.limits.read, "pool": None}
        raw = httpcore.URL(
            scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path
        )
        with self._place(origin(target)):
            self.extend_deadline()
            try:
                with self._pool.stream(
                    "GET",
                    raw,
                    headers=[(k.encode("ascii"), v.encode("ascii")) for k, v in given.items()],
                    extensions={"timeout": steps},
                ) as response:
                    yield response
            except FetchError:
                raise
            except httpcore.TimeoutException as error:
                where = "connecting" if isinstance(error, httpcore.ConnectTimeout) else "answering"
                raise FetchError("timeout", f"{where} took too long", permanent=False) from None
            except httpcore.ConnectError as error:
                tls = "certificate" in str(error).lower() or "ssl" in str(error).lower()
                reason = "tls-failed" if tls else "connection-refused"
                raise FetchError(reason, f"no connection ({error})", permanent=tls) from None
            except (httpcore.NetworkError, httpcore.ProtocolError) as error:
                detail = f"the connection broke off ({error or type(error).__name__})"
                raise FetchError("connection-lost", detail, permanent=False) from None
            finally:
                self._deadline.until = None

    @contextmanager
    def _place(self, host: str) -> Iterator[None]:
        """Wait for a place in the host's queue, then for one in the queue of all."""
        with self._lock:
            own = self._hosts.setdefault(host, threading.BoundedSemaphore(self.limits.per_host))
        with own, self._overall:
            yield

    def _pause(self, url: str, tried: int) -> float:
        longest = min(self.limits.backoff * 2 ** (tried - 1), self.limits.backoff_max)
        # seeded by the address: the same however threads take turns
        return longest * random.Random(f"{self._seed} {tried} {url}").uniform(0.5, 1.0)


__all__ = ["HEADERS", "Client", "FetchError", "Fetched", "Limits", "check_url", "wait_asked"]
