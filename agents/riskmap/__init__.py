"""Editing the risk map: forecast before it is saved, with a reason where it softens, for good.

The admin, the API and ``configure`` all save tools and rules here, so that the history knows of
every edit whoever made it.
"""

from __future__ import annotations

from agents.riskmap.changes import (
    Change,
    current,
    meanwhile,
    previous,
    propose,
    put_back,
    require_admin,
    save,
    settings_of,
    version,
)
from agents.riskmap.outlook import Outlook, outlook, outlooks
from agents.riskmap.usage import DAYS, Usage, usage

__all__ = [
    "DAYS",
    "Change",
    "Outlook",
    "Usage",
    "current",
    "meanwhile",
    "outlook",
    "outlooks",
    "previous",
    "propose",
    "put_back",
    "require_admin",
    "save",
    "settings_of",
    "usage",
    "version",
]
