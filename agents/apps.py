from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.core import checks
from django.db.models.signals import post_migrate

from agents import triggers


class SettingsConfig(admin_apps.AdminConfig):
    """Django's admin with our site; it stands in for ``django.contrib.admin``."""

    default = False
    default_site = "agents.admin_site.Site"


class AgentsConfig(AppConfig):
    name = "agents"
    default = True
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents import catalogue  # noqa: PLC0415 - it needs the models

        catalogue.connect()
        checks.register(triggers.check, checks.Tags.database)
        post_migrate.connect(triggers.reinstall, sender=self, dispatch_uid="agents.triggers")
