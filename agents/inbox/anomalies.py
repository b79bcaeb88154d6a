"""Setting an anomaly aside: it was looked at, and by whom."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils import timezone

from agents import roles
from agents.inbox.refusals import Conflict, Missing, NotAllowed
from agents.models import Anomaly


def acknowledge(user: User, anomaly_id: int) -> Anomaly:
    """Say that a person has looked at it. Raises ``Missing``, ``NotAllowed`` and ``Conflict``."""
    rights = roles.rights(user)
    anomaly = roles.visible_anomalies(user).filter(pk=anomaly_id).first()
    if anomaly is None:
        raise Missing("There is no such anomaly.")
    if not (rights.can("steer", anomaly.session) or rights.can("audit", anomaly.session)):
        raise NotAllowed("Only operators and auditors can set an anomaly aside.")
    still_open = Anomaly.objects.filter(pk=anomaly.pk, state=Anomaly.State.OPEN)
    told = {"acknowledged_by": user, "acknowledged_at": timezone.now()}
    if not still_open.update(state=Anomaly.State.ACKNOWLEDGED, **told):
        raise Conflict("Somebody else has set it aside already.")
    anomaly.refresh_from_db()
    return anomaly
