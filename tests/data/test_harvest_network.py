"""The client goes only where it may, waits as it is asked, and finishes what was cut off."""

import http.server
import json
import socket
import threading
import time
from datetime import UTC, datetime

import httpcore
import pytest

from dermbook.data.harvest import Client, FetchError, Limits, check_url, is_public
from dermbook.data.harvest import addresses as addresses_module
from dermbook.data.harvest.addresses import Resolver
from dermbook.data.harvest.answers import wait_asked
from dermbook.data.harvest.faults import picture
from dermbook.data.harvest.misbehaving import MisbehavingServer
from dermbook.errors import DataError

QUICK = Limits(connect=2, read=2, total=3, attempts=3, backoff=0.01, max_bytes=2**20)


@pytest.fixture(scope="module")
def server():
    with MisbehavingServer() as running:
        yield running


def client(server, **options) -> Client:
    options.setdefault("limits", QUICK)
    return Client(options.pop("limits"), allow_private={server.host}, **options)


def failure(client: Client, url: str) -> FetchError:
    with client, pytest.raises(FetchError) as caught:
        client.get(url)
    return caught.value


# ---- where it may go ---------------------------------------------------------------------------

INSIDE = """
127.0.0.1 127.8.9.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1
255.255.255.255 240.0.0.1 192.0.2.1 198.18.0.1 168.63.129.16 ::1 :: fe80::1 fe80::1%eth0 fc00::1
fd00:ec2::254 ff02::1 fec0::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 2002:7f00:1::
2002:a00:1:: 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 ::127.0.0.1
"""
OUTSIDE = "8.8.8.8 1.1.1.1 172.32.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::8.8.8.8"


@pytest.mark.parametrize("address", INSIDE.split())
def test_addresses_inside_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE.split())
def test_addresses_outside_are(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "scheme-refused"),
        ("see page 4", "scheme-refused"),
        ("//example.org/a.jpg", "scheme-refused"),
        ("ftp://example.org/a.jpg", "scheme-refused"),
        ("file:///etc/passwd", "scheme-refused"),
        ("data:image/png;base64,AAAA", "scheme-refused"),
        ("http://", "bad-url"),
        ("http:///a.jpg", "bad-url"),
        ("http://example.org:99999/", "bad-url"),
        ("http://example.org/\nHost: other", "bad-url"),
        ("http://example.org/" + "a" * 5000, "bad-url"),
        ("http://me:secret@example.org/", "credentials-in-url"),
        ("http://8.8.8.8@example.org/", "credentials-in-url"),
    ],
)
def test_addresses_that_are_refused(url, reason):
    with pytest.raises(FetchError) as caught:
        check_url(url)
    assert caught.value.reason == reason
    assert caught.value.permanent
    assert "secret" not in str(caught.value)


def test_addresses_are_put_in_order():
    assert str(check_url(" HTTP://Example.ORG:80/a b.jpg#part ")) == "http://example.org/a%20b.jpg"
    assert str(check_url("https://münchen.example/é")) == "https://xn--mnchen-3ya.example/%C3%A9"


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::1]"])
def test_no_way_of_writing_it_leads_inside(host, server):
    port = server.host.partition(":")[2]
    before = sum(server.requests.values())
    error = failure(Client(QUICK), f"http://{host}:{port}/ok/1")
    assert (error.reason, error.attempts) == ("private-address", 1)
    assert sum(server.requests.values()) == before


def test_one_bad_address_of_a_host_is_enough():
    with pytest.raises(FetchError, match=r"10\.0\.0\.7"):
        Resolver(lookup=lambda host, port: ["8.8.8.8", "10.0.0.7"]).places("two.example", 80)


def test_a_host_is_looked_up_once_and_connected_where_it_was_checked(monkeypatch):
    """DNS that gives a public address first and a private one later gets no second question."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    monkeypatch.setattr(addresses_module, "_lookup", lambda host, port: next(answers))
    connected, names = [], []

    class Socket(httpcore.MockStream):
        def start_tls(self, ssl_context, server_hostname=None, timeout=None):
            names.append(server_hostname)
            return self

    def connect(self, host, port, *_, **__):
        connected.append((host, port))
        return Socket([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"])

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with Client(QUICK) as rebound:
        assert rebound.get("https://rebinding.example/a").content == b"hi"
        assert rebound.get("https://rebinding.example/b").content == b"hi"
    assert connected == [("93.184.216.34", 443)] * 2
    assert names == ["rebinding.example"] * 2  # the certificate must still be the host's


def test_https_may_not_turn_into_http(monkeypatch):
    monkeypatch.setattr(addresses_module, "_lookup", lambda host, port: ["93.184.216.34"])
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://a.example/b\r\nContent-Length: 0\r\n\r\n"
    monkeypatch.setattr(
        httpcore.SyncBackend, "connect_tcp", lambda *_, **__: httpcore.MockStream([answer])
    )
    assert failure(Client(QUICK), "https://a.example/").reason == "insecure-redirect"
    # followed if allowed; here it then goes in a circle of its own
    allowed = failure(Client(QUICK, allow_downgrade=True), "https://a.example/")
    assert allowed.reason in ("redirect-loop", "too-many-redirects")


# ---- what it brings ----------------------------------------------------------------------------


def test_a_file_and_what_is_known_of_it(server):
    with client(server) as ours:
        came = ours.get(server.url("redirect", 7))
    assert came.content == picture(7)
    assert (came.status, came.media_type, came.attempts) == (200, "image/jpeg", 1)
    assert came.url == server.url("ok", 7)


def test_headers_are_honest_and_may_be_left_out(server):
    with client(server) as ours:
        assert ours.get(server.url("needs-headers", 1)).content == picture(1)
    bare = client(server, headers={"User-Agent": None, "Accept": None}, referer=False)
    assert failure(bare, server.url("needs-headers", 2)).reason == "http-403"


def test_attempts_are_counted_and_waits_grow(server):
    waits = []
    error = failure(client(server, sleep=waits.append), server.url("down", 1))
    assert (error.reason, error.attempts, error.permanent) == ("http-503", 3, False)
    assert server.requests["/down/1"] == 3
    assert 0.005 <= waits[0] <= 0.01
    assert 0.01 <= waits[1] <= 0.02
    again = []
    failure(client(server, sleep=again.append), server.url("down", 1))
    assert again == waits  # the jitter is seeded


def test_what_will_not_pass_is_asked_for_once(server):
    assert failure(client(server), server.url("not-found", 1)).permanent
    assert server.requests["/not-found/1"] == 1


def test_retry_after_is_honoured(server):
    waits = []
    with client(server, sleep=waits.append) as ours:
        assert ours.get(server.url("busy-once", 1)).attempts == 2
        assert ours.get(server.url("later-once", 1)).attempts == 2
    assert waits[0] == 1.0
    assert 0.0 <= waits[1] <= 1.0
    # a day is too long to wait, and coming back sooner would be rude
    assert failure(client(server), server.url("busy-for-a-day", 1)).attempts == 1


def test_retry_after_headers():
    now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    assert wait_asked("30") == 30
    assert wait_asked("Thu, 01 Jan 2026 12:00:20 GMT", now) == 20
    assert wait_asked("Thu, 01 Jan 2026 11:00:00 GMT", now) == 0
    for nothing in ("", "soon", "-5", "1.5"):
        assert wait_asked(nothing) is None


@pytest.mark.parametrize(("kind", "reason"), [("slow-drip", "too-slow"), ("silent", "timeout")])
def test_slow_servers_are_left(kind, reason, server):
    limits = Limits(read=0.3, total=0.6, attempts=1)
    started = time.monotonic()
    assert failure(client(server, limits=limits), server.url(kind, 1)).reason == reason
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("kind", ["flood", "gzip-bomb"])
def test_too_large_whatever_was_announced(kind, server):
    error = failure(client(server), server.url(kind, 1))
    assert (error.reason, error.attempts) == ("too-large", 1)


def test_nobody_there(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    refused = Client(QUICK, allow_private={host})
    assert failure(refused, f"http://{host}/").reason == "connection-refused"


def test_no_more_requests_at_a_time_than_allowed(server, monkeypatch):
    limits = Limits(per_host=2, overall=16)
    busy, most, lock = 0, 0, threading.Lock()
    answer = server.answer

    def watched(path, headers):
        nonlocal busy, most
        with lock:
            busy, most = busy + 1, max(most, busy + 1)
        time.sleep(0.02)
        with lock:
            busy -= 1
        return answer(path, headers)

    monkeypatch.setattr(server, "answer", watched)
    with client(server, limits=limits) as ours:
        threads = [
            threading.Thread(target=ours.get, args=(server.url("ok", n),)) for n in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 2


# ---- big files ---------------------------------------------------------------------------------

BIG = bytes(range(256)) * 4000


class BigFile:
    """A server of one big file that cuts the connection after so many bytes, and notes requests.

    etag, ranges: whether it says and can what resuming needs. cuts: bytes after which each answer
    ends; the last one stays for all further answers, None for whole ones.
    """

    def __init__(self, *, etag='"one"', modified="", ranges=True, cuts=(None,), content=BIG):
        self.asked: list[str | None] = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                owner.asked.append(self.headers.get("Range"))
                cut = cuts[min(len(owner.asked), len(cuts)) - 1]
                start, whole = 0, owner.content
                same = self.headers.get("If-Range") in (owner.etag or "-", modified or "-")
                if owner.asked[-1] and ranges and same:
                    start = int(owner.asked[-1][6:].rstrip("-"))
                if start and start >= len(whole):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(whole)}")
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                if owner.etag:
                    self.send_header("ETag", owner.etag)
                if modified:
                    self.send_header("Last-Modified", modified)
                if start:
                    part = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
                    self.send_header("Content-Range", part)
                self.send_header("Content-Length", str(len(whole) - start))
                self.end_headers()
                self.wfile.write(whole[start : None if cut is None else start + cut])

        self.etag, self.content = etag, content
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.http.server_port}"
        self.url = f"http://{self.host}/big.zip"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def to(self, path, **options):
        with Client(QUICK, allow_private={self.host}) as ours:
            return ours.stream_to(self.url, path, **options)


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_cut_download_goes_on(tmp_path):
    seen = []
    with BigFile(cuts=(300_000, 400_000, None)) as big:
        path = big.to(tmp_path / "big.zip", progress=lambda done, total: seen.append((done, total)))
        assert big.asked == [None, "bytes=300000-", "bytes=700000-"]
    assert path.read_bytes() == BIG
    assert left(tmp_path) == ["big.zip"]
    assert seen[-1] == (len(BIG), len(BIG))


def test_attempts_that_got_further_do_not_count(tmp_path):
    with BigFile(cuts=(100_000,) * 9 + (None,)) as big:
        assert big.to(tmp_path / "big.zip").read_bytes() == BIG
        assert len(big.asked) == 10  # of three attempts without progress, at most


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(tmp_path):
    with BigFile(cuts=(300_000, 0)) as big:
        with pytest.raises(FetchError) as caught:
            big.to(tmp_path / "big.zip")
        assert caught.value.reason == "connection-lost"
        assert left(tmp_path) == ["big.zip.part", "big.zip.part.json"]
        assert (tmp_path / "big.zip.part").read_bytes() == BIG[:300_000]
        note = json.loads((tmp_path / "big.zip.part.json").read_text())
        assert note["validator"] == '"one"'
    with BigFile() as big:
        big.url = note["url"].replace(note["url"].split("/")[2], big.host)
        (tmp_path / "big.zip.part.json").write_text(json.dumps(note | {"url": big.url}))
        assert big.to(tmp_path / "big.zip").read_bytes() == BIG
        assert big.asked == ["bytes=300000-"]


@pytest.mark.parametrize(
    "server", [{"etag": '"two"'}, {"ranges": False}, {"etag": 'W/"one"'}, {"etag": ""}]
)
def test_another_file_is_never_glued_on(server, tmp_path):
    """The file changed, or the server cannot say whether it did: start over."""
    other = bytes(reversed(BIG))
    with BigFile(content=other, **server) as big:
        (tmp_path / "big.zip.part").write_bytes(BIG[:300_000])
        note = {"url": big.url, "validator": '"one"', "total": len(BIG)}
        (tmp_path / "big.zip.part.json").write_text(json.dumps(note))
        assert big.to(tmp_path / "big.zip").read_bytes() == other


def test_a_part_that_nothing_vouches_for_is_begun_anew(tmp_path):
    (tmp_path / "big.zip.part").write_bytes(b"rubbish")
    (tmp_path / "big.zip.part.json").write_text("{not json")
    with BigFile() as big:
        assert big.to(tmp_path / "big.zip").read_bytes() == BIG
        assert big.asked == [None]


def test_last_modified_serves_where_there_is_no_etag(tmp_path):
    when = "Thu, 01 Jan 2026 12:00:00 GMT"
    with BigFile(etag="", modified=when, cuts=(300_000, None)) as big:
        assert big.to(tmp_path / "big.zip").read_bytes() == BIG
        assert big.asked == [None, "bytes=300000-"]


def test_killed_between_the_last_byte_and_the_rename(tmp_path):
    with BigFile() as big:
        (tmp_path / "big.zip.part").write_bytes(BIG)
        note = {"url": big.url, "validator": '"one"', "total": len(BIG)}
        (tmp_path / "big.zip.part.json").write_text(json.dumps(note))
        assert big.to(tmp_path / "big.zip").read_bytes() == BIG
        assert len(big.asked) == 1


def test_without_resume(tmp_path):
    with BigFile() as big:
        (tmp_path / "big.zip.part").write_bytes(BIG[:10])
        note = {"url": big.url, "validator": '"one"', "total": len(BIG)}
        (tmp_path / "big.zip.part.json").write_text(json.dumps(note))
        big.to(tmp_path / "big.zip", resume=False)
        assert big.asked == [None]


def test_too_big_for_the_limit(tmp_path):
    with BigFile(content=bytes(2 * 2**20)) as big, pytest.raises(FetchError, match="larger than"):
        big.to(tmp_path / "big.zip")
    assert not (tmp_path / "big.zip").exists()


def test_two_processes_at_one_file(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / "big.zip.part").open("ab") as other, BigFile() as big:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process"):
            big.to(tmp_path / "big.zip")
