"""Masks codes in access logs. In some documented APIs the code is a part of the path."""

from __future__ import annotations

import copy
import logging
import re

#: The loggers that write a line for each request.
ACCESS_LOGGERS = ("werkzeug", "gunicorn.access")

_ORDER = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:/|%2f)"


class CodeMask(logging.Filter):
    """
    Masks the code in ``<prefix>/auth/<order>/<code>``. In a path without an order, all after ``auth/``.

    The message and the arguments of a record are masked. A dict of arguments is copied and keeps its
    type, because gunicorn's dict looks up headers.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix
        self._code = re.compile(rf'({re.escape(prefix)}/auth/(?:{_ORDER})?)[^ "?]+', re.IGNORECASE)

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record, and let it pass."""
        record.msg = self._mask(record.msg)
        if isinstance(record.args, dict):
            record.args = copy.copy(record.args)
            for name, value in record.args.items():
                record.args[name] = self._mask(value)
        elif isinstance(record.args, tuple):
            record.args = tuple(self._mask(value) for value in record.args)
        return True

    def _mask(self, value: object) -> object:
        return self._code.sub(r"\1****", value) if isinstance(value, str) else value


def mask_codes(prefix: str) -> None:
    """Add the filter for paths under ``prefix`` to the access loggers, unless they have it."""
    for name in ACCESS_LOGGERS:
        logger = logging.getLogger(name)
        present = [each.prefix for each in logger.filters if isinstance(each, CodeMask)]
        if prefix not in present:
            logger.addFilter(CodeMask(prefix))
