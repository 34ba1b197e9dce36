"""The numbers that can be called."""

from __future__ import annotations

import re

_NUMBER = re.compile("[+]?[0-9]{2,20}", re.ASCII)


def is_number(text: str) -> bool:
    """Return whether ``text`` is a phone number, with or without ``+``, and nothing else."""
    return _NUMBER.fullmatch(text) is not None
