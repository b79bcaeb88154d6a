"""From where a request comes: its peer, or what proxies that we trust say they saw.

``X-Forwarded-For`` is read from the right: left of the first address that is no proxy of ours
stands what anybody may have written.
"""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

_SIGNS = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
)


def way(request: HttpRequest) -> list[str]:
    """The addresses from here to the browser; the last is empty where nobody whom we trust says
    which it is."""
    found = [_plain(request.META.get("REMOTE_ADDR", ""))]
    said = [hop for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    while said and _ours(found[-1]):
        found.append(_plain(said.pop()))
    if len(found) == 1 and any(sign in request.headers for sign in _SIGNS):
        found.append("")
    return found


def address(request: HttpRequest) -> str | None:
    """The browser's, or that of the last that is known on the way to it."""
    return next((hop for hop in reversed(way(request)) if hop), None)


def _ours(hop: str) -> bool:
    return hop != "" and any(ip_address(hop) in proxies for proxies in settings.OVERSIGHT_PROXIES)


def _plain(said: str) -> str:
    """An address without the port, brackets and zone that some proxies write; empty if none."""
    host = said.strip().partition("%")[0]
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host)
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)
