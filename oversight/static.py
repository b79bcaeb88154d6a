"""Static files, served by the product itself, without a collecting step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/static"


@lru_cache(maxsize=1024)
def _version(path: str, changed_ns: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


class VersionedStorage(StaticFilesStorage):
    """Puts a hash of the file into its address, so that browsers may keep it for good."""

    def url(self, name: str | None) -> str:
        """The address with `?v=`; a file that is not there keeps its bare address."""
        path = finders.find(name) if name else None
        bare = super().url(name)
        if not isinstance(path, str) or not Path(path).is_file():
            return bare
        return f"{bare}?v={_version(path, Path(path).stat().st_mtime_ns)}"


class _Files(StaticFiles):
    def get_directories(self, *_: object) -> list[str | os.PathLike[str]]:
        storages = (s for f in finders.get_finders() for s in getattr(f, "storages", {}).values())
        return [storage.location for storage in storages]

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        forever = b"v=" in scope["query_string"]
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if forever else "no-cache"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def with_static(django: Callable[..., Awaitable[None]]) -> ASGIApp:
    """The application that answers for static files itself and passes the rest on."""
    gzip = Middleware(GZipMiddleware, minimum_size=1024)
    files = Starlette(routes=[Mount(PREFIX, app=_Files())], middleware=[gzip])

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(PREFIX + "/"):
            await files(scope, receive, send)
        else:
            await django(scope, receive, send)

    return application
