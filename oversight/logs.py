"""Structured records, one line each, on standard error: JSON in production, key=value elsewhere."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from structlog.typing import EventDict, Processor, WrappedLogger

_LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
_PLAIN = re.compile(r"[\w./:@%+,#-]+", re.ASCII)
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
# Their INFO repeats, per request, what our own records say better.
_QUIET = ("asyncio", "axes", "daphne", "httpcore2", "httpx2", "mcp")
# Its records quote the address it was given, which holds the key of a service, or is one. Who
# sends by it reads them; nobody writes them.
_SILENT = ("apprise",)


class _Stderr:
    """Writes a whole line at once to whatever standard error is at that moment."""

    def msg(self, message: str) -> None:
        sys.stderr.write(message + "\n")

    log = debug = info = warning = warn = error = critical = exception = fatal = failure = msg


def _stderr(*_: Any) -> _Stderr:
    return _Stderr()


def _shown(value: object) -> str:
    # repr escapes line ends and invisible characters: hostile text cannot forge a record.
    text = value if isinstance(value, str) else repr(value)
    return text if _PLAIN.fullmatch(text) else repr(text)


def key_values(_: WrappedLogger, __: str, record: EventDict) -> str:
    """Render a record for a person's terminal, in one line."""
    time, level = str(record.pop("timestamp", "")), str(record.pop("level", ""))
    event = repr(str(record.pop("event", "")))[1:-1]
    pairs = (f"{key}={_shown(value)}" for key, value in record.items())
    return " ".join((time[11:23], f"{level:<8}", event, *pairs))


def _renderer(*, json_lines: bool) -> Processor:
    return structlog.processors.JSONRenderer(default=str) if json_lines else key_values


def _configure_structlog(*, json_lines: bool, level: int) -> None:
    structlog.configure(
        processors=[*_SHARED, _renderer(json_lines=json_lines)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_stderr,
        cache_logger_on_first_use=True,
    )


def config(*, json_lines: bool, level: str) -> dict[str, Any]:
    """Configure structlog; return Django's LOGGING, which sends stdlib records the same way."""
    if level not in _LEVELS:
        raise ImproperlyConfigured(f"OVERSIGHT_LOG_LEVEL={level!r}: say one of {sorted(_LEVELS)}.")
    _configure_structlog(json_lines=json_lines, level=logging.getLevelNamesMapping()[level])
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*_SHARED, structlog.stdlib.add_logger_name],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _renderer(json_lines=json_lines),
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {
            "stderr": {"()": "oversight.logs.StderrHandler", "formatter": "line"},
            "nobody": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            **{name: {"level": "WARNING"} for name in _QUIET},
            **{name: {"handlers": ["nobody"], "propagate": False} for name in _SILENT},
        },
    }


class StderrHandler(logging.Handler):
    """A standard library handler that writes to whatever standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            _Stderr().msg(self.format(record))
        except Exception:  # noqa: BLE001 - a record that cannot be written must not stop the work
            self.handleError(record)
