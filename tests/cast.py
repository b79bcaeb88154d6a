"""Ann approves, Olu operates, Bob only views, Ada administers, Eve is a stranger."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agents import roles

PASSWORD = "a good long password"


def person(name: str, *held: str) -> User:
    user = User.objects.create_user(name, password=PASSWORD)
    for role in held:
        roles.grant(user, role)
    return user


@pytest.fixture
def ann(db: None) -> User:
    return person("ann", "approver")


@pytest.fixture
def olu(db: None) -> User:
    return person("olu", "operator")


@pytest.fixture
def bob(db: None) -> User:
    return person("bob", "viewer")


@pytest.fixture
def ada(db: None) -> User:
    return person("ada", "admin")


@pytest.fixture
def eve(db: None) -> User:
    return person("eve")
