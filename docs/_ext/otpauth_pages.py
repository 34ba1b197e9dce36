"""The directives that put generated Markdown on a page, and how the reference shows a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import generated
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def directive(make: Callable[..., Iterator[str]], arguments: int = 0) -> type[SphinxDirective]:
    """A directive in whose place stands what ``make`` makes of its arguments."""

    class Generated(SphinxDirective):
        required_arguments = arguments

        def run(self) -> list[nodes.Node]:
            return self.parse_text_to_nodes("\n".join(make(*self.arguments)))

    return Generated


def without_constructor(app: Sphinx, kind: str, name: str, found: object, *_: Any) -> tuple[str, str] | None:
    """No arguments for a class that a reader does not call: a protocol, or what an ``OtpAuth`` returns."""
    is_made_elsewhere = name.startswith("flask_otpauth.engine.") or getattr(found, "_is_protocol", False)
    return ("", "") if kind == "class" and is_made_elsewhere else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("otpauth-settings", directive(generated.settings, arguments=1))
    app.add_directive("otpauth-errors", directive(generated.errors))
    app.add_directive("otpauth-commands", directive(generated.commands))
    app.add_directive("otpauth-profiles", directive(generated.profiles))
    app.add_directive("otpauth-deviations", directive(generated.deviations))
    app.connect("autodoc-process-signature", without_constructor)
    return {"parallel_read_safe": True}
