"""Who calls: the person that a bearer token belongs to. Cookies are never looked at."""

from __future__ import annotations

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.security import HttpBearer

from agents import signin


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        return signin.user_of_token(token)


class AsyncBearer(HttpBearer):
    """The same for an asynchronous view."""

    async def authenticate(self, request: HttpRequest, token: str) -> User | None:
        user: User | None = await database_sync_to_async(signin.user_of_token)(token)
        return user


def caller(request: HttpRequest) -> User:
    """The person that the request was authenticated as."""
    user: object = getattr(request, "auth", None)
    assert isinstance(user, User)
    return user
