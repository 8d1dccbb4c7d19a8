"""A web server on this machine that misbehaves on request, in every way that ``faults`` names."""

import contextlib
import socket
import socketserver
import struct
import threading
from collections import Counter
from collections.abc import Mapping

import pandas as pd

from dermbook.data.harvest.faults import (
    ADDRESSES,
    ATTEMPTS,
    KINDS,
    RESET,
    Request,
    _pictures,
    pause,
    steps_of,
)
from dermbook.data.harvest.network import Client, Limits


class MisbehavingServer:
    """Serves phantom pictures at ``/KIND/NUMBER``, in a ``with``.

    requests: how often each ``/KIND/NUMBER`` was asked for. heal(): what was down is up again.
    """

    def __init__(self) -> None:
        _pictures()  # drawn before the first request waits for them
        self.requests: Counter[str] = Counter()
        self.healed = False
        self._stopped = False
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``: what ``allow_private`` must name."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def url(self, kind: str, number: int) -> str:
        """The address of one picture or fault."""
        return ADDRESSES[kind][0] if kind in ADDRESSES else f"http://{self.host}/{kind}/{number}"

    def heal(self) -> None:
        """From now on, what was down for a time gives pictures."""
        self.healed = True

    def answer(self, path: str, headers: Mapping[str, str]) -> list:
        """The steps of the answer to one request, which is counted."""
        kind, _, rest = path.strip("/").partition("/")
        number = rest.partition("?")[0]
        with self._lock:
            self.requests[f"/{kind}/{number}"] += 1
            visit = self.requests[f"/{kind}/{number}"]
        request = Request(
            kind, int(number or 0), visit, dict(headers), f"http://{self.host}", self.healed
        )
        return steps_of(request)

    def stopped(self) -> bool:
        return self._stopped

    def __enter__(self) -> "MisbehavingServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._server.shutdown()
        self._server.server_close()


def client_for(host: str, *, workers: int = 16, seed: int = 0) -> Client:
    """A client for the misbehaving server: short waits, small limits, that one host allowed."""
    limits = Limits(
        connect=5.0,
        read=1.2,
        total=1.8,
        max_bytes=4 * 2**20,
        attempts=ATTEMPTS,
        backoff=0.05,
        backoff_max=0.5,
        retry_after_max=5.0,
        per_host=workers,
        overall=workers,
    )
    return Client(limits, allow_private={host}, seed=seed)


def table_of(server: MisbehavingServer, urls: int, seed: int, *, slow: bool = True) -> pd.DataFrame:
    """A table of addresses: image_id, kind, url; every kind at least once, in random order.

    Half of the rows are of kind ``ok``, the rest share the other kinds. slow: with the kinds that
    take as long as a time limit.
    """
    import numpy as np

    others = [name for name, kind in KINDS.items() if name != "ok" and (slow or not kind.slow)]
    others += ADDRESSES
    faulty = max(urls // 2, len(others))
    kinds = [others[k % len(others)] for k in range(faulty)] + ["ok"] * (urls - faulty)
    kinds = [kinds[k] for k in np.random.default_rng(seed).permutation(len(kinds))]
    rows = [
        {"image_id": f"picture-{number:05d}", "kind": kind, "url": server.url(kind, number) or None}
        for number, kind in enumerate(kinds)
    ]
    return pd.DataFrame(rows)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256
    owner: MisbehavingServer


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    timeout = 60

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while self._one():
                pass

    def _one(self) -> bool:
        """Answer one request; whether the connection stays open."""
        line = self.rfile.readline(65536).decode("latin-1").split()
        if len(line) != 3:
            return False
        headers = {}
        while (text := self.rfile.readline(65536).decode("latin-1").strip()) != "":
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        owner = self.server.owner
        for step in owner.answer(line[1], headers):
            if step is RESET:
                # linger of no time: closing sends a reset
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return False
            if isinstance(step, float):
                pause(step, owner.stopped)
            elif not step:
                return False
            else:
                self.wfile.write(step)
        return headers.get("connection", "").lower() != "close" and not owner.stopped()
