from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from agents import signin
from agents.management.database import make_if_new


class Command(BaseCommand):
    help = "Print a new bearer token for the API, with that person's rights. It is shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--label", default="", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        make_if_new()
        user = User.objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"There is no person named {options['name']!r}.")
        if not user.is_active:
            raise CommandError(f"{user.username} is not active.")
        self.stdout.write(signin.issue_token(user, options["label"][:80]))
