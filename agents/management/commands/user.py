from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from agents import roles
from agents.management.database import make_if_new
from agents.models import RoleAssignment


class Command(BaseCommand):
    help = "Make a person, or change one's password or roles."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--password", help="without one the person cannot sign in by password")
        parser.add_argument("--role", choices=RoleAssignment.Role.values, help="added, never taken")

    def handle(self, *args: Any, **options: Any) -> None:
        make_if_new()
        with transaction.atomic():
            user, created = _person(options["name"])
            said = ["created"] if created else []
            said += self._set_password(user, options["password"], created=created)
            said += _add_role(user, options["role"])
        self.stdout.write(f"{user.username}: {', '.join(said) or 'nothing to change'}")

    def _set_password(self, user: User, password: str | None, *, created: bool) -> list[str]:
        if password is None and not created:
            return []
        if password is not None:
            self._warn(password, user)
        user.set_password(password)  # None makes it unusable
        user.save()
        return ["password set"] if password is not None else []

    def _warn(self, password: str, user: User) -> None:
        """Whoever has a shell here decides; they are told what is weak."""
        if not password:
            raise CommandError("An empty password lets anybody in.")
        try:
            validate_password(password, user)
        except ValidationError as error:
            self.stderr.write(f"Weak password: {' '.join(error.messages)}")


def _person(name: str) -> tuple[User, bool]:
    user = User.objects.filter(username=name).first()
    if user is not None:
        return user, False
    user = User(username=name)
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise CommandError(f"{name!r}: {' '.join(error.messages)}") from None
    return user, True


def _add_role(user: User, role: str | None) -> list[str]:
    if role is None:
        return []
    return [f"role {role} added"] if roles.grant(user, role) else []
