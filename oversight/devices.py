"""Which device a browser says it is."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from agents import presence

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


class Devices(MiddlewareMixin):
    """Keeps for each sign-in from which device it is, and when it was last seen."""

    def process_request(self, request: HttpRequest) -> None:
        if request.user.is_authenticated:
            presence.note(request.session, request.headers.get("User-Agent", ""))


def words(agent: str) -> str:
    """A browser's own description in a few words, which it may have made up."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    if not browser:
        return system or "Another program"
    return f"{browser} on {system}" if system else browser
