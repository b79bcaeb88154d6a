"""The product's settings on a data folder of the test run's own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from tests.surroundings import MARK, strip

# A process that a test started inherits the folder it was given.
if MARK not in os.environ:
    strip(os.environ)
    os.environ[MARK] = "1"
    os.environ["OVERSIGHT_DATA"] = tempfile.mkdtemp(prefix="oversight-tests-")
    atexit.register(shutil.rmtree, os.environ["OVERSIGHT_DATA"], ignore_errors=True)

from oversight.settings import *  # noqa: F403 - settings are names
from oversight.settings import INSTALLED_APPS as PRODUCT

INSTALLED_APPS = ["tests", *PRODUCT]  # its flush command comes before Django's

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
