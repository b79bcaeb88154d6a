"""Every record is one line, whatever it carries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.surroundings import product_env

SCRIPT = """
import logging, django, structlog
from apprise import Apprise
django.setup()
log = structlog.get_logger()
log.info("said\\nERROR forged", text="a\\r\\nb\\u2028c\\u202ed", number=1, none=None)
logging.getLogger("django.request").warning("Not Found: %s", "/x\\nforged")
logging.getLogger("httpx2").info("hidden")
Apprise.instantiate("whsec_hidden", suppress_exceptions=True)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broke")
"""


def _lines(tmp_path: Path, **env: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=product_env(
            DJANGO_SETTINGS_MODULE="oversight.settings", OVERSIGHT_DATA=tmp_path, **env
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


@pytest.mark.parametrize("production", [False, True])
def test_each_record_is_one_line(tmp_path: Path, production: bool) -> None:
    env = {"OVERSIGHT_PRODUCTION": "1", "OVERSIGHT_ORIGINS": "https://a.example"}
    lines = _lines(tmp_path, **(env if production else {}))
    assert len(lines) == 3, "and none quotes the key that Apprise could not read"
    assert "ZeroDivisionError" in lines[2]
    if production:
        first = json.loads(lines[0])
        assert (first["text"], first["number"]) == ("a\r\nb\u2028c\u202ed", 1)
        assert json.loads(lines[1])["logger"] == "django.request"
    else:
        assert r"said\nERROR forged text='a\r\nb\u2028c\u202ed' number=1 none=None" in lines[0]
