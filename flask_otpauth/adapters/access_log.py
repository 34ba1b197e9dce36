"""Keeping codes out of access logs, where a document puts them into the path."""

from __future__ import annotations

import logging
import re
from typing import Any

#: The loggers that write a line for each request.
ACCESS_LOGGERS = ("werkzeug", "gunicorn.access")

_CODE_IN_PATH = re.compile(r"(/auth/[^/\s\"?]+(?:/|%2[Ff]))[^\s\"?]+")


class CodesMasked(logging.Filter):
    """Masks the last segment of ``/auth/<order>/<code>`` in a record's message and arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask, and let the record pass."""
        record.msg = _masked(record.msg)
        if isinstance(record.args, dict):
            record.args = {name: _masked(value) for name, value in record.args.items()}
        elif isinstance(record.args, tuple):
            record.args = tuple(_masked(value) for value in record.args)
        return True


def mask_codes() -> None:
    """Put the filter on the access loggers; a second time changes nothing."""
    for name in ACCESS_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, CodesMasked) for each in logger.filters):
            logger.addFilter(CodesMasked())


def _masked(value: Any) -> Any:
    return _CODE_IN_PATH.sub(r"\1****", value) if isinstance(value, str) else value
