"""The product serves its static files itself, and every page carries its headers."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from django.templatetags.static import static
from django.test import Client

from oversight.asgi import application
from oversight.headers import CONTENT_SECURITY_POLICY
from tests.servers import ROOT


@pytest_asyncio.fixture
async def site() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.parametrize("name", ["vendor/htmx.min.js", "icons.svg", "admin/css/base.css"])
async def test_a_versioned_address_is_kept_for_good(site: httpx2.AsyncClient, name: str) -> None:
    address = static(name)
    assert re.fullmatch(rf"/static/{re.escape(name)}\?v=[0-9a-f]{{12}}", address)
    answer = await site.get(address)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_bare_address_is_asked_for_again(site: httpx2.AsyncClient) -> None:
    answer = await site.get("/static/icons.svg")
    assert answer.headers["cache-control"] == "no-cache"
    tag = {"if-none-match": answer.headers["etag"]}
    assert (await site.get("/static/icons.svg", headers=tag)).status_code == 304


@pytest.mark.parametrize(
    "path", ["nope", "..%2fmanage.py", "%2e%2e/manage.py", "", "%00", "a" * 999]
)
async def test_nothing_else_is_served(site: httpx2.AsyncClient, path: str) -> None:
    assert (await site.get(f"/static/{path}")).status_code == 404


def test_a_file_that_is_not_there_keeps_its_bare_address() -> None:
    assert static("nope.js") == "/static/nope.js"


def test_a_changed_file_gets_a_new_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.js"
    monkeypatch.setattr("django.contrib.staticfiles.finders.find", lambda _: str(file))
    file.write_text("one")
    first = static("a.js")
    file.write_text("three")
    assert static("a.js") != first


@pytest.mark.django_db
def test_pages_carry_the_headers(client: Client) -> None:
    answer = client.get("/admin/login/")
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert client.get("/nope/").headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


# The pages that are open all day.
_HEAVIEST = ["sessions/live", "sessions/wall", "approvals/inbox"]
_IMPORT = re.compile(r'^import (?:.* from )?"\./([a-z]+)\.js"', re.MULTILINE)


def _weight(names: set[str]) -> int:
    return sum(len(gzip.compress((ROOT / "static" / name).read_bytes())) for name in names)


def _loaded(template: str) -> set[str]:
    """What the page asks for, with what its modules import."""
    parts = ("skeleton", "base", template)
    text = "".join((ROOT / "templates" / f"{part}.html").read_text() for part in parts)
    if "block sheets" in (ROOT / "templates" / f"{template}.html").read_text():
        text = re.sub("{% block sheets %}.*?{% endblock %}", "", text, count=1, flags=re.DOTALL)
    found = set(re.findall(r"static '((?:js|css)/[a-z]+\.(?:js|css))'", text))
    waiting = [name for name in found if name.endswith(".js")]
    while waiting:
        source = (ROOT / "static" / waiting.pop()).read_text()
        news = {f"js/{name}.js" for name in _IMPORT.findall(source)} - found
        found |= news
        waiting += news
    return found


@pytest.mark.parametrize("template", _HEAVIEST)
def test_what_a_page_of_ours_loads_is_light(template: str) -> None:
    loaded = _loaded(template)
    scripts = {name for name in loaded if name.endswith(".js")}
    assert scripts >= {"js/page.js", "js/live.js", "js/keys.js"}
    assert _weight(scripts) < 15_000
    assert _weight(loaded - scripts) < 12_000
