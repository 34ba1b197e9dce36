"""Keeping codes out of access logs, where a document puts them into the path."""

from __future__ import annotations

import copy
import logging
import re
from typing import Any

#: The loggers that write a line for each request.
ACCESS_LOGGERS = ("werkzeug", "gunicorn.access")

_ORDER = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:/|%2f)"


class CodesMasked(logging.Filter):
    """
    Masks what follows the order in ``<prefix>/auth/<order>/<code>``; without an order, all of it.

    It looks at a record's message and arguments, and touches neither the arguments of others
    nor their type: gunicorn's look up headers.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix
        self._code = re.compile(rf'({re.escape(prefix)}/auth/(?:{_ORDER})?)[^ "?]+', re.IGNORECASE)

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask, and let the record pass."""
        record.msg = self._masked(record.msg)
        if isinstance(record.args, dict):
            record.args = copy.copy(record.args)
            for name, value in record.args.items():
                record.args[name] = self._masked(value)
        elif isinstance(record.args, tuple):
            record.args = tuple(self._masked(value) for value in record.args)
        return True

    def _masked(self, value: Any) -> Any:
        return self._code.sub(r"\1****", value) if isinstance(value, str) else value


def mask_codes(prefix: str) -> None:
    """Put the filter for paths under ``prefix`` on the access loggers; a second time changes nothing."""
    for name in ACCESS_LOGGERS:
        logger = logging.getLogger(name)
        present = [each.prefix for each in logger.filters if isinstance(each, CodesMasked)]
        if prefix not in present:
            logger.addFilter(CodesMasked(prefix))
