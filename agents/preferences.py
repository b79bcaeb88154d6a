"""How a person wants the pages."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import User

from agents.models import Preference


def of(user: User) -> Preference:
    """The person's preferences, or the defaults; nothing is written."""
    return Preference.objects.filter(pk=user.pk).first() or Preference(user=user)


def keep(user: User, changes: Mapping[str, object]) -> Preference:
    """Write some of them. Raises ``ValidationError`` for a value that cannot be meant."""
    others = {field.name for field in Preference._meta.fields} - set(changes)
    Preference(user=user, **changes).clean_fields(exclude=others)
    return Preference.objects.update_or_create(user=user, defaults=changes)[0]
