"""Settings, all from the environment; README.md lists the variables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from oversight import env, logs

BASE_DIR = Path(__file__).resolve().parent.parent

# --- what the environment says -------------------------------------------------------------------

OVERSIGHT_PRODUCTION = env.flag("OVERSIGHT_PRODUCTION")
DEBUG = env.flag("OVERSIGHT_DEBUG")
if DEBUG and OVERSIGHT_PRODUCTION:
    raise ImproperlyConfigured("OVERSIGHT_DEBUG shows secrets; it cannot go with production.")

OVERSIGHT_DATA = env.private_folder(
    Path(env.text("OVERSIGHT_DATA", str(BASE_DIR / "var"))).resolve()
)
OVERSIGHT_PORT = env.whole("PORT", 8000, 1, 65535)
OVERSIGHT_LEASE_SECONDS = env.whole("OVERSIGHT_LEASE_SECONDS", 30, 1, 3600)
# Seconds in which a LOW or MEDIUM decision made on a page can be undone.
OVERSIGHT_UNDO_SECONDS = env.whole("OVERSIGHT_UNDO_SECONDS", 4, 0, 60)
OVERSIGHT_ORIGINS = env.origins(
    "OVERSIGHT_ORIGINS",
    []
    if OVERSIGHT_PRODUCTION
    else [f"http://{name}:{OVERSIGHT_PORT}" for name in ("127.0.0.1", "localhost", "[::1]")],
    secure=OVERSIGHT_PRODUCTION,
)
# Whose X-Forwarded-For is believed.
OVERSIGHT_PROXIES = env.networks("OVERSIGHT_PROXIES")
ANTHROPIC_API_KEY = env.text("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = env.web_address("ANTHROPIC_BASE_URL")
REHEARSAL = not (ANTHROPIC_API_KEY or ANTHROPIC_BASE_URL)
REDIS_URL = env.text("REDIS_URL")
OVERSIGHT_ALERTS_PUBLIC_ONLY = env.flag("OVERSIGHT_ALERTS_PUBLIC_ONLY")
SECRET_KEY = env.secret_key("OVERSIGHT_SECRET_KEY", OVERSIGHT_DATA)

# --- the store -----------------------------------------------------------------------------------

_PRAGMAS = (
    "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA mmap_size=134217728;"
    "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-20000;PRAGMA temp_store=MEMORY;"
)


def _sqlite(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "CONN_MAX_AGE": None,
        # IMMEDIATE takes the write lock at BEGIN, where SQLite honours the timeout (seconds).
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": _PRAGMAS},
        # An in-memory database has no WAL and no second process.
        "TEST": {"NAME": str(OVERSIGHT_DATA / "test.sqlite3")},
    }


def _postgresql(url: str) -> dict[str, Any]:
    parsed = dj_database_url.parse(url, conn_max_age=None, conn_health_checks=True)
    return {**parsed, "OPTIONS": {"connect_timeout": 10, **parsed.get("OPTIONS", {})}}


def _database(url: str) -> dict[str, Any]:
    scheme = urlsplit(url).scheme
    if scheme in {"postgres", "postgresql"}:
        return _postgresql(url)
    path = url.removeprefix("sqlite:///")
    if scheme != "sqlite" or path in {url, "", ":memory:"}:
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgresql://user:password@host/name "
            "or sqlite:////path/of/a/file."
        )
    return _sqlite(path)


DATABASES = {
    "default": _database(env.text("DATABASE_URL", f"sqlite:///{OVERSIGHT_DATA}/oversight.sqlite3"))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- the doorbell --------------------------------------------------------------------------------


def _channel_layer(url: str) -> dict[str, Any]:
    if not url:
        return {
            "BACKEND": "channels.layers.InMemoryChannelLayer",
            "CONFIG": {"capacity": 100_000},
        }
    if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured("REDIS_URL must look like redis://:password@host:6379/0.")
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [url], "prefix": "oversight"},
    }


CHANNEL_LAYERS = {"default": _channel_layer(REDIS_URL)}

# --- the web -------------------------------------------------------------------------------------

ALLOWED_HOSTS = sorted({env.host(origin) for origin in OVERSIGHT_ORIGINS})
CSRF_TRUSTED_ORIGINS = OVERSIGHT_ORIGINS
ROOT_URLCONF = "oversight.urls"
ASGI_APPLICATION = "oversight.asgi.application"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes

INSTALLED_APPS = [
    "oversight",
    "agents",
    "agents.apps.SettingsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "oversight.headers.headers",
    "oversight.nul.NoNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "oversight.devices.Devices",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "oversight.api.errors.Methods",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "oversight.static.VersionedStorage"},
}

# --- who is there --------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "agents.roles.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
LOGIN_URL = "/signin/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL
SESSION_ENGINE = "agents.presence"
SESSION_COOKIE_NAME = "oversight_session"
SESSION_COOKIE_AGE = 7 * 24 * 3600  # seconds
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OVERSIGHT_PRODUCTION
CSRF_COOKIE_NAME = "oversight_csrf"
CSRF_COOKIE_HTTPONLY = True

# Guessing costs time, and locks nobody else out: name and address together, with a short wait.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "oversight.proxies.address"
AXES_LOCKOUT_TEMPLATE = "429.html"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=5)
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if OVERSIGHT_PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_REDIRECT_EXEMPT = [r"^api/v1/health$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    # Subdomains and browsers' preload lists are the domain owner's to promise, not ours.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# --- mail ----------------------------------------------------------------------------------------

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.whole("EMAIL_PORT", 25, 1, 65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_USE_SSL = env.flag("EMAIL_USE_SSL")
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", "oversight@localhost")

# --- words and records ---------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = "oversight.formats"  # dates in the admin as everywhere else
USE_TZ = True
TIME_ZONE = env.zone("OVERSIGHT_TIME_ZONE")

LOGGING = logs.config(
    json_lines=OVERSIGHT_PRODUCTION, level=env.text("OVERSIGHT_LOG_LEVEL", "INFO").upper()
)
