"""What the repository promises about its own files, its settings and its servers."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests import on_postgres
from tests.servers import ROOT, Postgres
from tests.surroundings import product_env


def _check(data: Path, *arguments: str, **env: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=ROOT,
        env=product_env(OVERSIGHT_DATA=data, **env),
        capture_output=True,
        text=True,
        check=False,
    )


def test_vendored_files_are_the_recorded_ones() -> None:
    table = (ROOT / "static/vendor/README.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", table, re.MULTILINE)
    assert len(rows) == 5
    for name, digest in rows:
        assert hashlib.sha256((ROOT / "static" / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("name", ["requirements.lock", "tests/node/package-lock.json"])
def test_lock_files_name_no_host(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()


def test_every_dependency_in_the_lock_file_has_a_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    lines = [line for line in lock.splitlines() if line and not line.startswith("#")]
    assert len(lines) > 50
    assert all("--hash=sha256:" in line for line in lines)


def test_the_data_folder_and_the_key_are_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert _check(data).returncode == 0
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    key = (data / "secret_key").read_text()
    assert _check(data).returncode == 0
    assert (data / "secret_key").read_text() == key
    assert [p.name for p in data.iterdir() if p.name.startswith("tmp")] == []


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"OVERSIGHT_PRODUCTION": "perhaps"}, "say 1 or 0"),
        ({"OVERSIGHT_PRODUCTION": "1"}, "OVERSIGHT_ORIGINS must name"),
        (
            {"OVERSIGHT_PRODUCTION": "1", "OVERSIGHT_ORIGINS": "http://a.example"},
            "'http://a.example' is no origin",
        ),
        ({"OVERSIGHT_ORIGINS": "https://a.example/path"}, "is no origin"),
        ({"OVERSIGHT_ORIGINS": "https://*.example"}, "is no origin"),
        ({"OVERSIGHT_ORIGINS": "https://a.example:port"}, "is no origin"),
        ({"OVERSIGHT_DEBUG": "1", "OVERSIGHT_PRODUCTION": "1"}, "OVERSIGHT_DEBUG"),
        ({"OVERSIGHT_SECRET_KEY": "short"}, "too short"),
        ({"OVERSIGHT_LEASE_SECONDS": "-1"}, "whole number from 1 to 3600"),
        ({"OVERSIGHT_TIME_ZONE": "Mars/Olympus"}, "no time zone"),
        ({"OVERSIGHT_LOG_LEVEL": "loud"}, "OVERSIGHT_LOG_LEVEL"),
        ({"OVERSIGHT_PROXIES": "proxy.example"}, "OVERSIGHT_PROXIES"),
        ({"OVERSIGHT_PROXIES": "127.0.0.1, 10.0.0.1/8"}, "say addresses or networks"),
        ({"OVERSIGHT_PROXIES": "0.0.0.0/0"}, "would believe everybody"),
        ({"PORT": "http"}, "whole number from 1 to 65535"),
        ({"DATABASE_URL": "mysql://a/b"}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": "sqlite://:memory:"}, "DATABASE_URL must look like"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL must look like"),
        ({"ANTHROPIC_BASE_URL": "api.example"}, "say an address like"),
    ],
)
def test_a_bad_setting_stops_the_start_with_a_sentence(
    tmp_path: Path, env: dict[str, str], sentence: str
) -> None:
    done = _check(tmp_path, **env)
    assert done.returncode != 0
    assert sentence in done.stderr.splitlines()[-1]


def test_production_settings_pass_the_deployment_checks(tmp_path: Path) -> None:
    origins = "https://oversight.example, https://[::1]:8443"
    env = {"OVERSIGHT_PRODUCTION": 1, "OVERSIGHT_ORIGINS": origins}
    done = _check(tmp_path, "--deploy", "--fail-level", "WARNING", **env)
    assert done.returncode == 0, done.stderr


def test_a_database_of_its_own_on_postgresql(postgresql: Postgres) -> None:
    first, second = postgresql.new_database(), postgresql.new_database()
    assert first != second
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE t (i int)")


def test_redis_answers(redis_url: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()


def test_the_filesystem_mcp_server_is_there(filesystem_mcp_server: list[str]) -> None:
    assert all(Path(part).exists() for part in filesystem_mcp_server)


def test_chromium_runs(chromium: str) -> None:
    assert os.access(chromium, os.X_OK)


def test_the_engine_on_postgresql_runs_only_the_tests_that_are_named() -> None:
    assert on_postgres.selected(["-x", "-k", "journal"]) == [
        "tests/core",
        "tests/agents",
        "tests/rules",
    ]
    assert on_postgres.selected(["-x", "tests/test_project.py::test_lock"]) == []
