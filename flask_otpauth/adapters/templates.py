"""Messages rendered with Jinja: the host's templates in the host's environment, ours in our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template, TemplateNotFound, meta, select_autoescape

_FOLDER = Path(__file__).parents[1] / "templates"


class JinjaTemplates:
    """
    Renders ``otpauth/<channel>/<template>.<locale>.<ending>``.

    A host may change its Jinja environment: other delimiters, a strict ``undefined``, globals and
    filters. So packaged files are rendered in a separate environment, and the host's files in the
    host's. That one is looked up at the first use, because the host may still configure it after
    ``init_app``. A packaged file that extends a file which the host replaced is rendered in the
    host's environment. HTML is escaped; text is not, because it is not markup.
    """

    def __init__(self, host: Callable[[], Environment]) -> None:
        self._host = host
        self._packaged = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=select_autoescape(["html"]), auto_reload=False
        )
        self._names = frozenset(self._packaged.list_templates())
        self._found: dict[str, Template] = {}

    def has(self, name: str) -> bool:
        """Whether there is a template of that name."""
        return self._template(name) is not None

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """The template of that name, rendered."""
        template = self._template(name)
        if template is None:
            raise TemplateNotFound(name)
        return template.render(values)

    def _template(self, name: str) -> Template | None:
        if name in self._found and not self._host().auto_reload:
            return self._found[name]
        family = (name, *self._bases(name))
        if any(self._is_hosts(each) for each in family):
            self._found[name] = self._host().get_template(name)
        elif name in self._names:
            self._found[name] = self._packaged.get_template(name)
        # What is missing is not remembered: a client chooses the language, so there is no end of names.
        return self._found.get(name)

    def _bases(self, name: str) -> Iterator[str]:
        """The files that the packaged file of that name extends."""
        if name in self._names:
            source = (_FOLDER / name).read_text("utf-8")
            yield from filter(None, meta.find_referenced_templates(self._packaged.parse(source)))

    def _is_hosts(self, name: str) -> bool:
        """Whether the host has a file of its own of that name, also beside a packaged one."""
        environment = self._host()
        if environment.loader is None:
            return False
        try:
            _, path, _ = environment.loader.get_source(environment, name)
        except TemplateNotFound:
            return False
        return path is None or not Path(path).is_relative_to(_FOLDER)
