"""Whether the database is as this release wants it, asked before anything is read or written."""

from __future__ import annotations

from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from agents import triggers


def is_current() -> bool:
    """Far quicker than ``migrate`` where nothing is left to do."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def make_current() -> None:
    if not is_current():
        call_command("migrate", interactive=False, verbosity=0)
    _require_protection()


def make_if_new() -> None:
    """For what people type first: a database that nobody has made is made. One of another release
    is left to whoever upgrades it."""
    if _is_made():
        require_current()
    else:
        make_current()


def require_made() -> None:
    """For what only reads, and must do so even where the log's protection is gone."""
    if not _is_made():
        raise CommandError("There is no database yet: run `manage.py up` first.")


def _is_made() -> bool:
    return bool(MigrationExecutor(connection).loader.applied_migrations)


def require_current() -> None:
    if not is_current():
        raise CommandError("The database is not up to date: run `manage.py migrate` first.")
    _require_protection()


def _require_protection() -> None:
    """Nothing serves or runs while the log could be rewritten unnoticed."""
    try:
        triggers.verify_installed()
    except triggers.NotInstalled as error:
        raise CommandError(str(error)) from None
