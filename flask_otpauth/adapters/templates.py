"""Messages rendered by Jinja: packaged templates, and the templates of the host in the host's environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import cached_property, lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template, TemplateNotFound, meta, select_autoescape

_FOLDER = Path(__file__).parents[1] / "templates"
#: Names of templates that are remembered, whether they exist or not. A client chooses the language,
#: so there is no limit to the names that can be asked for.
_MAX_REMEMBERED = 1024


class _Packaged(Environment):
    """The environment of the packaged files."""

    def make_globals(self, d: MutableMapping[str, object] | None) -> MutableMapping[str, object]:
        """Return no globals: the files use none, and Jinja would copy them for each message."""
        return {}


class JinjaTemplates:
    """
    Renders ``otpauth/<channel>/<template>.<locale>.<ending>``.

    A host may change its Jinja environment: other delimiters, a strict ``undefined``, globals and
    filters. So packaged files are rendered in a separate environment, and the host's files in the
    host's. That one is looked up at the first use, because the host may still configure it after
    ``init_app``. A packaged file that extends a file which the host replaced is rendered in the
    host's environment. HTML is escaped. Text is not, because it is not markup.

    Each name is looked up once, unless the host's environment reloads its templates.
    """

    def __init__(self, host: Callable[[], Environment]) -> None:
        self._host = host
        self._packaged = _Packaged(
            loader=FileSystemLoader(_FOLDER), autoescape=select_autoescape(["html"]), auto_reload=False
        )
        self._names = frozenset(self._packaged.list_templates())
        self._remember = lru_cache(_MAX_REMEMBERED)(self._find)

    def has(self, name: str) -> bool:
        """Return whether there is a template of that name."""
        return self._template(name) is not None

    def render(self, name: str, values: Mapping[str, object]) -> str | None:
        """Render the template of that name; ``None`` if there is none."""
        template = self._template(name)
        return None if template is None else template.render(values)

    def _template(self, name: str) -> Template | None:
        return self._find(name) if self._environment.auto_reload else self._remember(name)

    @cached_property
    def _environment(self) -> Environment:
        """The host's environment."""
        return self._host()

    def _find(self, name: str) -> Template | None:
        if any(self._is_from_host(each) for each in (name, *self._bases(name))):
            return self._environment.get_template(name)
        return self._packaged.get_template(name) if name in self._names else None

    def _bases(self, name: str) -> Iterator[str]:
        """Yield the files that the packaged file of that name extends."""
        if name in self._names:
            source = (_FOLDER / name).read_text("utf-8")
            yield from filter(None, meta.find_referenced_templates(self._packaged.parse(source)))

    def _is_from_host(self, name: str) -> bool:
        """Return whether the host has a file of that name, which may replace a packaged one."""
        environment = self._environment
        if environment.loader is None:
            return False
        try:
            _, path, _ = environment.loader.get_source(environment, name)
        except TemplateNotFound:
            return False
        return path is None or not Path(path).is_relative_to(_FOLDER)
