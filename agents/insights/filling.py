"""Rows for sessions whose log is older than the rows: by reading the log again."""

from __future__ import annotations

from django.db import connection, transaction

from agents.journal import read
from agents.models import Incident, RollupState, Session, ToolUse, TurnUse
from agents.usage import Uses

_AT_ONCE = 1000  # records


def fill(session: int) -> None:
    """Replace the session's rows by what its log says. The journal waits meanwhile."""
    with transaction.atomic():
        row = _locked(session)
        for table in (ToolUse, TurnUse, Incident):
            table._default_manager.filter(session=row).delete()
        uses, after = Uses(), row.parent_seq  # what a fork reads through is its parent's
        while records := read(session, after, _AT_ONCE):
            for record in records:
                uses.note(row, record)
            uses.save()
            after = records[-1].seq


def fill_older(most: int) -> int:
    """Fill up to ``most`` sessions that were never filled, newest first; how many are left.

    Each is committed with the mark that says so: it can be ended and begun again anywhere.
    """
    for _ in range(most):
        state, _ = RollupState.objects.get_or_create(pk=1)
        older = Session.objects.filter(pk__lte=state.unfilled).order_by("-pk")
        newest = older.values_list("pk", flat=True).first()
        if newest is None:
            RollupState.objects.filter(pk=1).update(unfilled=0)
            return 0
        with transaction.atomic():
            fill(newest)
            RollupState.objects.filter(pk=1).update(unfilled=newest - 1)
    return Session.objects.filter(pk__lte=RollupState.objects.get(pk=1).unfilled).count()


def _locked(session: int) -> Session:
    rows = Session.objects.filter(pk=session)
    if connection.features.has_select_for_update:
        rows = rows.select_for_update()
    return rows.get()
