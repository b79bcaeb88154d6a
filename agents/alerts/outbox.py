"""Noting what rules match, in the transaction of the event itself.

An append only inserts here, and takes no lock that another append could wait for: what was noted
becomes alerts later, by ``grouping``. Nothing that goes wrong here ever costs an event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from agents.alerts import happenings
from agents.alerts.happenings import WATCHED, Happening, Trigger
from agents.core.events import Record
from agents.core.risk import Risk, matches
from agents.models import AlertRule, AlertTarget, Occurrence, Session

log = structlog.get_logger(__name__)


def note(records: Sequence[tuple[Session, Record]]) -> None:
    """Note what was just appended. Called inside the append's transaction; never raises."""
    try:
        with transaction.atomic():
            _note(records)
    except Exception:
        log.exception("alerts_not_noted", events=len(records))


def raise_alert(happening: Happening) -> None:
    """Note what the log does not know. Inside the caller's transaction, if any; never raises."""
    try:
        with transaction.atomic():
            write(listening({happening.trigger}), [happening])
    except Exception:
        log.exception("alert_not_noted", trigger=happening.trigger)


def listening(triggers: Collection[Trigger]) -> list[AlertRule]:
    """The enabled rules with one of these triggers that anybody would hear of: one query."""
    own = AlertTarget.objects.filter(rules=OuterRef("pk"))
    fallback = AlertTarget.objects.filter(default=True, enabled=True)
    heard = Q(Exists(own.filter(enabled=True))) | (~Q(Exists(own)) & Q(Exists(fallback)))
    return list(AlertRule.objects.filter(heard, enabled=True, trigger__in=triggers))


def _note(records: Sequence[tuple[Session, Record]]) -> None:
    rules = listening({WATCHED[type(record.fact)] for _, record in records})
    if not rules:
        return
    # The journal's rows come without the agent's name, which is seldom needed.
    pks = {row.pk for row, _ in records}
    agents = dict(Session.objects.filter(pk__in=pks).values_list("pk", "agent"))
    found = (happenings.of(record, row.pk, agents[row.pk]) for row, record in records)
    write(rules, [happening for happening in found if happening])


def write(rules: Iterable[AlertRule], found: Sequence[Happening]) -> None:
    """An occurrence for every rule and happening that match. What is noted already stays."""
    wanted = [
        occurrence(rule, happening)
        for rule in rules
        for happening in found
        if _matches(rule, happening)
    ]
    if wanted:
        Occurrence.objects.bulk_create(wanted, ignore_conflicts=True)


def _matches(rule: AlertRule, happening: Happening) -> bool:
    if rule.trigger != happening.trigger:
        return False
    try:
        return matched(rule, happening)
    except Exception:
        log.exception("alert_rule_failed", rule=rule.name)
        return False


def matched(rule: AlertRule, happening: Happening) -> bool:
    """Whether the rule's conditions hold. Those on agent and risk ask only what has them."""
    if happening.agent and not matches(rule.agent, happening.agent):
        return False
    return not happening.risk or Risk.of(happening.risk) >= Risk.of(rule.minimum_risk)


def occurrence(rule: AlertRule, happening: Happening) -> Occurrence:
    private = happening.private if rule.include_arguments else {}
    return Occurrence(
        rule=rule,
        session_id=happening.session,
        subject=happening.subject,
        key=group_key(AlertRule.Grouping(rule.group_by), happening),
        path=happening.path,
        details={"agent": happening.agent, **happening.details, **private},
        at=happening.at,
    )


def group_key(by: AlertRule.Grouping, happening: Happening) -> str:
    keys = {
        AlertRule.Grouping.RULE: "",
        AlertRule.Grouping.AGENT: happening.agent,
        AlertRule.Grouping.SESSION: happening.session_uuid,
        AlertRule.Grouping.ERROR_CLASS: happening.error_class,
    }
    return keys[by][:128]
