"""One POST to a webhook's address: bounded in time, never redirected, to the address that was
checked."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

CONNECT = 5.0  # seconds; also between two bytes of the answer
DEADLINE = 15.0  # seconds for the whole exchange

# What hands out a cloud's credentials beside 169.254.169.254; IPv6 that ends at an IPv4 address.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotAllowed(OSError):
    """No alert is sent to such an address."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: str = ""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Raises ``OSError`` or ``http.client.HTTPException``. What the receiver says is not read."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection = http.client.HTTPConnection(parts.hostname or "", port, timeout=CONNECT)
    # Connected here, so that the address that was checked is the one that is spoken to.
    connection.sock = _connect(parts.hostname or "", port)
    closing = threading.Timer(DEADLINE, lambda: _shut(connection.sock))
    closing.daemon = True
    closing.start()
    try:
        if secure:
            context = ssl.create_default_context()
            # The handshake comes after, when the timer can see the socket that it may cut off.
            connection.sock = context.wrap_socket(
                connection.sock, server_hostname=parts.hostname, do_handshake_on_connect=False
            )
            connection.sock.do_handshake()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        given = {"Host": _host(parts.netloc), "Content-Type": "application/json", **headers}
        connection.request("POST", target, body, {**given, "User-Agent": "Oversight"})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers.get("Retry-After", ""))
    finally:
        closing.cancel()
        connection.close()


def check(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises ``NotAllowed``, or ``OSError`` if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    for address in addresses:
        _allow(host, ipaddress.ip_address(address.partition("%")[0]))
    return addresses


def _connect(host: str, port: int) -> socket.socket:
    problem: OSError | None = None
    for address in check(host, port):
        try:
            return socket.create_connection((address, port), CONNECT)
        except OSError as error:
            problem = error
    raise problem or OSError(f"{host} has no address")


def _allow(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    address = _inner(address)
    never = address.is_link_local or address.is_multicast or address.is_unspecified
    if never or address in _METADATA:
        raise NotAllowed(f"{host} is {address}, where no alert is sent")
    if settings.OVERSIGHT_ALERTS_PUBLIC_ONLY and not address.is_global:
        raise NotAllowed(f"{host} is {address}, and OVERSIGHT_ALERTS_PUBLIC_ONLY is set")


def _inner(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2]


def _shut(sock: socket.socket | None) -> None:
    # Wakes whoever reads from or writes to it.
    with suppress(OSError):
        if sock:
            sock.shutdown(socket.SHUT_RDWR)
