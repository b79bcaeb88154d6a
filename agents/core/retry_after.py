"""What an endpoint's ``retry-after`` means in seconds, whatever was written there."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# No date that follows from a wait may overflow a calendar, whatever a header claims.
LONGEST = 30 * 24 * 3600.0


def seconds(value: object, now: datetime | None = None) -> float | None:
    """Seconds from now, at least 0 and at most thirty days; None where nothing can be read.

    ``value`` is a number, a number as text, or an HTTP date.
    """
    match value:
        case bool():
            return None
        case int() | float():
            return None if math.isnan(value) else min(max(float(value), 0.0), LONGEST)
        case str() if value.strip():
            return _text(value.strip(), now or datetime.now(UTC))
        case _:
            return None


def _text(text: str, now: datetime) -> float | None:
    try:
        return seconds(float(text)) if math.isfinite(float(text)) else None
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return seconds((moment - now).total_seconds())
