"""Messages rendered with the app's Jinja environment: the host's templates come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, TemplatesNotFound


class JinjaTemplates:
    """
    Renders ``otpauth/<channel>/<template>.<locale>.<ending>``.

    The environment is asked for at the first use, since a host may still configure it after
    ``init_app``. HTML is escaped, text is not (it is not markup).
    """

    def __init__(self, environment: Callable[[], Environment]) -> None:
        self._environment = environment

    def render(self, names: list[str], values: Mapping[str, Any]) -> str | None:
        """The first of ``names`` that exists, rendered; ``None`` if none does."""
        try:
            template = self._environment().select_template(names)
        except TemplatesNotFound as missing:
            if set(missing.templates) != set(names):
                raise  # a template of these includes another that does not exist
            return None
        return template.render(values)
