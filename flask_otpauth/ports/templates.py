"""What a message says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Templates(Protocol):
    """Finds and renders by name; the host's ``templates/otpauth/…`` come before the package's."""

    def has(self, name: str) -> bool:
        """Whether there is a template of that name."""

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """The template of that name, rendered. It must be there; what it raises is raised."""
