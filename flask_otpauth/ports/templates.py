"""What a message says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Templates(Protocol):
    """Renders by name; the host's ``templates/otpauth/…`` come before the package's."""

    def render(self, names: list[str], values: Mapping[str, Any]) -> str | None:
        """The first of ``names`` that exists, rendered; ``None`` if none does."""
