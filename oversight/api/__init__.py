"""The JSON API under /api/v1/: what programs may do, with a person's bearer token."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.parser import Parser

from agents.core import canonical
from oversight.api import approvals, artifacts, errors, health, outcomes, sessions, tools
from oversight.api.auth import Bearer


class StrictParser(Parser):
    """What a lenient reader would quietly repair (equal keys, NaN) nobody meant."""

    def parse_body(self, request: HttpRequest) -> dict[str, object]:
        try:
            text = request.body.decode()
        except UnicodeDecodeError:
            raise canonical.BadJson("the body is not UTF-8") from None
        return canonical.parse_object(text)


api = NinjaAPI(
    title="Oversight",
    version="1",
    description="Start agents, follow their logs, decide their risky calls.",
    docs_url=None,  # the page would load scripts from elsewhere
    urls_namespace="api",
    auth=Bearer(),
    parser=StrictParser(),
)
api.add_router("/", sessions.router)
api.add_router("/", approvals.router)
api.add_router("/", outcomes.router)
api.add_router("/", tools.router)
api.add_router("/", artifacts.router)
api.add_router("/", health.router)
errors.install(api)
