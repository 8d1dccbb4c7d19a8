"""A web server of a few files in memory that can break off, and that keeps to ranges."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Serves ``files`` (path to bytes) on a port of its own; use it in a ``with``.

    dies_after: path to a number of bytes after which each answer breaks off. slow: paths that
    send one byte and wait until the server is closed. asked: (path, Range header) of each request.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.dies_after: dict[str, int] = {}
        self.slow: set[str] = set()
        self.asked: list[tuple[str, str | None]] = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FileServer":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, asked = request.path, request.headers.get("Range")
        self.asked.append((path, asked))
        content = self.files.get(path)
        if content is None:
            request.send_error(404)
            return
        tag, start = f'"{hashlib.md5(content).hexdigest()}"', 0
        if asked and request.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            request.send_response(200)
        request.send_header("ETag", tag)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        rest = content[start : start + self.dies_after.get(path, len(content))]
        if path in self.slow:
            request.wfile.write(rest[: len(rest) // 2])
            request.wfile.flush()
            self.closing.wait(30)
        else:
            request.wfile.write(rest)
        request.close_connection = True
