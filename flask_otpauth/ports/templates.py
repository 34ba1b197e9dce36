"""The texts of messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Templates(Protocol):
    """Finds templates by name and renders them. The host's come before the packaged ones."""

    def has(self, name: str) -> bool:
        """Return whether there is a template of that name."""

    def render(self, name: str, values: Mapping[str, object]) -> str | None:
        """Render the template of that name; ``None`` if there is none. What it raises is raised."""
