"""Reading the environment. A value that cannot be meant stops the start with a sentence."""

from __future__ import annotations

import os
import secrets
import tempfile
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

_YES, _NO = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """The variable without surrounding space; an empty one counts as not set."""
    return os.environ.get(name, "").strip() or default


def flag(name: str) -> bool:
    """A yes or a no, and nothing else."""
    value = text(name).lower()
    if value in _YES:
        return True
    if value in _NO:
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: say 1 or 0.")


def whole(name: str, default: int, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise ImproperlyConfigured(f"{name}={value!r}: say a whole number from {low} to {high}.")
    return int(value)


def zone(name: str) -> str:
    """A time zone of the IANA database."""
    value = text(name, "UTC")
    try:
        return ZoneInfo(value).key
    except (ValueError, OSError, KeyError):
        message = f"{name}={value!r} is no time zone; one looks like Europe/Berlin."
        raise ImproperlyConfigured(message) from None


def web_address(name: str) -> str:
    """An http or https address without a trailing slash, or nothing."""
    value = text(name).rstrip("/")
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc):
        raise ImproperlyConfigured(f"{name}={value!r}: say an address like http://127.0.0.1:9000.")
    return value


def origins(name: str, default: list[str], *, secure: bool) -> list[str]:
    """Full origins, separated by commas or spaces; only https ones where secure."""
    values = text(name).replace(",", " ").split() or default
    if not values:
        raise ImproperlyConfigured(
            f"{name} must name the addresses people use, like https://oversight.example."
        )
    for value in values:
        _check_origin(name, value, secure=secure)
    return values


def _check_origin(name: str, value: str, *, secure: bool) -> None:
    if not _is_origin(value, {"https"} if secure else {"http", "https"}):
        example = "https://oversight.example" if secure else "http://127.0.0.1:8000"
        raise ImproperlyConfigured(f"{name}: {value!r} is no origin; one looks like {example}.")


def _is_origin(value: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    bare = value == f"{parts.scheme}://{parts.netloc}" and "@" not in value and "*" not in value
    return bare and bool(parts.hostname) and parts.scheme in schemes and port != 0


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks, separated by commas or spaces."""
    return [_network(name, value) for value in text(name).replace(",", " ").split()]


def _network(name: str, value: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(value)
    except ValueError as error:
        message = f"{name}: {error}; say addresses or networks like 127.0.0.1 or 10.0.0.0/8."
        raise ImproperlyConfigured(message) from None
    if not network.prefixlen:
        raise ImproperlyConfigured(f"{name}={value!r} would believe everybody; name the proxies.")
    return network


def host(origin: str) -> str:
    """The host of an origin as Django's ALLOWED_HOSTS wants it (IPv6 in brackets)."""
    name = urlsplit(origin).hostname or ""
    return f"[{name}]" if ":" in name else name


def private_folder(path: Path) -> Path:
    """The folder, made for its owner alone if it was not there."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"The data folder {path} cannot be made: {error}.") from error
    return path


def secret_key(name: str, folder: Path) -> str:
    """The key from the environment, or the one kept in the data folder, made on first use."""
    value = text(name)
    if not value:
        return _kept_key(folder / "secret_key")
    if len(value) < 50:
        raise ImproperlyConfigured(f"{name} is too short: say at least 50 random characters.")
    return value


def _kept_key(path: Path) -> str:
    if not path.exists():
        _make_key(path)
    key = path.read_text("ascii").strip()
    if len(key) < 50:
        raise ImproperlyConfigured(f"{path} holds no usable key; remove it and start again.")
    return key


def _make_key(path: Path) -> None:
    # Two processes may start at once: the link lets one of them win, whole.
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        Path(draft).unlink()
