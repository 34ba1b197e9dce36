"""The Python reference has every public name, and its docstrings have the form that it can show."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any, get_origin

import pytest

from tests.public import DOCS, MEMBERS, MODULES

PAGES = {page.stem: page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md")}
DIRECTIVE = re.compile(r"^\.\. auto(\w+):: flask_otpauth\.([\w.]+)\n((?:   :.*\n)*)", re.MULTILINE)
SHOWN = {
    (kind, name): dict(re.findall(r":([\w-]+): ?(.*)", options))
    for page in PAGES.values()
    for kind, name, options in DIRECTIVE.findall(page)
}
FIELD = re.compile(r":(?:raises|returns|param \w+)\b")


def names_shown() -> Iterator[str]:
    """The names that the pages show by themselves."""
    return (name.rpartition(".")[2] for kind, name in SHOWN if kind != "module")


@pytest.mark.parametrize("name", [name for name in MODULES if name != "flask_otpauth"])
def test_a_page_shows_every_name_of_a_public_module(name: str) -> None:
    module, options = importlib.import_module(name), SHOWN["module", name.removeprefix("flask_otpauth.")]
    left_out = options.get("exclude-members", "").split(", ") if "members" in options else MODULES[name]
    aliases = [
        each for each in MODULES[name] if get_origin(getattr(module, each))
    ]  # which autodoc leaves out

    assert {*left_out, *aliases} - {""} <= {*names_shown()}


def test_the_page_of_the_extension_shows_every_name_at_the_top_of_the_package() -> None:
    assert {*MODULES["flask_otpauth"]} - {*MODULES["flask_otpauth.errors"]} <= {*names_shown()}


@pytest.mark.parametrize("term", [term for term in MEMBERS if term != "OtpAuth"])
def test_the_page_of_the_extension_shows_the_public_methods_of_what_it_returns(term: str) -> None:
    section = (
        PAGES["otpauth"].partition(f"## {term.replace('OtpAuth', 'otpauth')}\n")[2].partition("\n## ")[0]
    )
    (members,) = re.findall(r"^   :members: (.+)$", section, re.MULTILINE)

    assert members.split(", ") == MEMBERS[term]


def documented() -> Iterator[Any]:
    """Every public name, and every public attribute of the classes among them."""
    for name, exported in MODULES.items():
        for each in exported:
            found = getattr(importlib.import_module(name), each)
            yield found
            if inspect.isclass(found):
                yield from (value for key, value in vars(found).items() if not key.startswith("_"))


def test_the_fields_of_a_docstring_begin_their_lines() -> None:
    hidden = [
        line
        for each in documented()
        for line in (inspect.getdoc(each) or "").splitlines()
        if FIELD.search(line) and not FIELD.match(line)
    ]

    assert hidden == []
