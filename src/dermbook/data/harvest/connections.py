"""Sockets that go only where the resolver allows, and that no slow server can hold open."""

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from dermbook.data.harvest.addresses import FetchError, Resolver


class Deadline(threading.local):
    """Until when the request of this thread may last (``time.monotonic``), or None."""

    until: float | None = None

    def left(self, timeout: float | None) -> float | None:
        """The smaller of a socket's timeout and the time left; FetchError when it is over."""
        if self.until is None:
            return timeout
        left = self.until - time.monotonic()
        if left <= 0:
            raise FetchError("too-slow", "the answer took too long altogether", permanent=False)
        return left if timeout is None else min(timeout, left)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to the checked addresses of a host; everything else is httpcore's own.

    httpcore asks for TLS by the host's name afterwards, so the certificate must carry that name
    although the connection was made to an IP address.
    """

    def __init__(self, resolver: Resolver, deadline: Deadline) -> None:
        self._resolver = resolver
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for place in self._resolver.places(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    place.ip,
                    place.port,
                    self._deadline.left(timeout),
                    local_address,
                    socket_options,
                )
                return _Stream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise FetchError("scheme-refused", f"{path}: sockets are not fetched from", permanent=True)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection whose every read and write minds the deadline: headers drip slowly, too."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._stream.read(max_bytes, self._deadline.left(timeout))
        except httpcore.ReadTimeout:
            self._deadline.left(None)  # if the whole took too long, say that
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
