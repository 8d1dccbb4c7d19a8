"""Which addresses may be fetched: the web only, and never what lies inside the own network.

A table of addresses comes from strangers. One of them may point at a file, at the router or at a
cloud's own address for credentials; so may the server it names, by a redirect or through DNS.
"""

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from threading import Lock

import httpx

from dermbook.errors import DataError

MAX_LENGTH = 4096
#: public in form, but answering from inside a cloud (Azure's wire server)
_INSIDE = frozenset({ipaddress.ip_address("168.63.129.16")})
# an IPv4 address in IPv6 clothes, for networks that translate
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchError(DataError):
    """An address was not fetched.

    reason: one word for tables, for example ``http-404``, ``timeout`` or ``private-address``.
    detail: a sentence. permanent: trying again now would not help. attempts: how often it was
    tried. wait: seconds that the server asked for, or None.
    """

    def __init__(
        self,
        reason: str,
        detail: str,
        *,
        permanent: bool,
        attempts: int = 0,
        wait: float | None = None,
        url: str = "",
    ) -> None:
        super().__init__(f"{url}: {detail}" if url else detail)
        self.reason = reason
        self.detail = detail
        self.permanent = permanent
        self.attempts = attempts
        self.wait = wait
        self.url = url


def check_url(url: str) -> httpx.URL:
    """The address, parsed and normalised; FetchError unless it is a plain http(s) address.

    Refused: other schemes, no host, a user name or password in it, more than 4,096 characters.
    Blanks around the address are dropped; what the web does not allow is percent-encoded.
    """
    text = url.strip()
    if len(text) > MAX_LENGTH:
        raise _refused("bad-url", f"the address is longer than {MAX_LENGTH} characters", text[:80])
    try:
        parsed = httpx.URL(text)
        port = parsed.port
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise _refused("bad-url", f"this is no address ({error})", text) from None
    if parsed.scheme not in ("http", "https"):
        what = f"{parsed.scheme}: addresses" if parsed.scheme else "addresses without http(s)://"
        raise _refused("scheme-refused", f"{what} are not fetched", text)
    if parsed.userinfo:
        shown = str(parsed.copy_with(username=None, password=None))
        raise _refused("credentials-in-url", "the address holds a user name or password", shown)
    if not parsed.host or not 0 < (80 if port is None else port) < 2**16:
        raise _refused("bad-url", "the address names no host, or a port that there is not", text)
    return parsed.copy_with(fragment=None)


def origin(url: httpx.URL) -> str:
    """``host:port`` of an address, the port always written."""
    return f"{url.host}:{url.port or {'http': 80, 'https': 443}[url.scheme]}"


def is_public(address: Address | str) -> bool:
    """Whether an IP address belongs to the public internet.

    False for loopback, private, link-local (and with it the clouds' metadata), shared, multicast,
    reserved and unspecified addresses, and for IPv6 addresses that carry such an IPv4 address.
    """
    ip = ipaddress.ip_address(str(address).partition("%")[0])
    inner = _inner(ip)
    if inner is not None:
        return is_public(inner)
    refused = (
        ip.is_loopback
        or ip.is_private
        or ip.is_link_local
        or ip.is_multicast
        or ip.is_reserved
        or ip.is_unspecified
        or getattr(ip, "is_site_local", False)
        or ip in _INSIDE
    )
    return ip.is_global and not refused


@dataclass(frozen=True)
class Place:
    """Where to connect to: an IP address as text, of a host that was looked up and checked."""

    ip: str
    port: int


class Resolver:
    """Looks each host up once, and gives only addresses that may be connected to.

    allow_private: True for any address, or the ``host:port`` origins that may be private (a test
    server). Connecting to what this gives, and to nothing else, leaves DNS no second answer.
    """

    def __init__(self, allow_private: bool | Collection[str] = False, lookup=None) -> None:
        self._allow = allow_private if allow_private in (True, False) else frozenset(allow_private)
        self._lookup = lookup or _lookup
        self._known: dict[tuple[str, int], tuple[Place, ...]] = {}
        self._lock = Lock()

    def places(self, host: str, port: int) -> tuple[Place, ...]:
        """The host's checked addresses; FetchError if it has none, or any that is not public."""
        key = (host, port)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._resolve(host, port)
            with self._lock:
                known = self._known.setdefault(key, known)
        return known

    def _resolve(self, host: str, port: int) -> tuple[Place, ...]:
        try:
            found = list(dict.fromkeys(self._lookup(host, port)))
        except socket.gaierror as error:
            gone = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
            raise FetchError(
                "no-such-host" if gone else "dns-failed",
                f"the host {host} was not found ({error.strerror})",
                permanent=gone,
            ) from None
        except UnicodeError:
            raise _refused("bad-url", f"{host!r} is no host name", "") from None
        allowed = self._allow is True or (self._allow and f"{host}:{port}" in self._allow)
        bad = [ip for ip in found if not is_public(ip)]
        if bad and not allowed:
            raise _refused("private-address", f"{host} is {bad[0]}, inside a private network", "")
        if not found:
            raise FetchError("no-such-host", f"the host {host} has no address", permanent=True)
        return tuple(Place(ip, port) for ip in found)


def _inner(ip: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for, or None."""
    if ip.version == 4:
        return None
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    if ip in _NAT64 or (int(ip) >> 32 == 0 and int(ip) > 1):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def _lookup(host: str, port: int) -> list[str]:
    return [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _refused(reason: str, detail: str, url: str) -> FetchError:
    return FetchError(reason, detail, permanent=True, url=url)
