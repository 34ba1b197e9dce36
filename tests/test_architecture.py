"""
The arrows of the architecture, as a table that fails when an import goes against them.

``docs/architecture.md`` shows the same table to people.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "flask_otpauth"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

LONGEST_FILE = 300
LONGEST_FUNCTION = 45

# Flask itself is never meant by "any": who may import it says so. Its extensions are.
FLASK = frozenset({"flask", "werkzeug"})


@dataclass(frozen=True)
class May:
    """What a part may import beside the standard library: parts of the package, others' packages."""

    parts: frozenset[str]
    others: frozenset[str]

    def import_ours(self, part: str) -> bool:
        """Whether it may import our ``part``."""
        return part in self.parts or "any" in self.parts

    def import_others(self, package: str) -> bool:
        """Whether it may import somebody else's ``package``."""
        return package in self.others or ("any" in self.others and package not in FLASK)


def _may(parts: str, others: str = "") -> May:
    return May(frozenset(parts.split()), frozenset(others.split()))


# A part is a folder or a module of the package. The most exact row that fits a module holds for it.
MAY_IMPORT = {
    "core": _may("core"),
    "ports": _may("core ports"),
    "engine": _may("core ports engine"),
    "adapters": _may("core ports adapters", "any werkzeug"),
    "envelopes": _may("core envelopes"),
    "settings": _may("core settings", "pydantic"),
    "signals": _may("", "blinker"),
    "flows": _may("core ports engine envelopes flows settings", "pydantic pydantic_core"),
    "flows/blueprint": _may("core ports engine envelopes flows settings", "flask werkzeug"),
    "registry": _may(""),
    "standards": _may(""),
    "announcer": _may("core signals"),
    "senders": _may("ports adapters"),
    "users": _may("ports adapters"),
    "wiring": _may("any", "any flask"),
    "testing": _may("any", "any"),
    "extension": _may("any", "any flask werkzeug"),
    "cli": _may("any", "any flask"),
    "__init__": _may("any"),
}

# Here nobody asks the system or the database what time it is: the injected clock tells.
TIMELESS = ("core", "ports", "engine", "envelopes", "flows", "settings", "adapters/storage")
CLOCKS = frozenset(
    {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "time.time_ns",
        "func.now",
    }
)


def row_for(module: Path) -> May | None:
    """The row of ``MAY_IMPORT`` that holds for ``module``, a path within the package."""
    names = module.with_suffix("").parts
    keys = ["/".join(names[:length]) for length in range(len(names), 0, -1)]
    return next((MAY_IMPORT[key] for key in keys if key in MAY_IMPORT), None)


def imported(module: Path, tree: ast.Module) -> Iterator[str]:
    """Dotted names of all that ``module`` imports: at its top, in functions, for type checkers."""
    package = ("flask_otpauth", *module.parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join(filter(None, (*base, node.module)))
            yield from (f"{source}.{alias.name}" for alias in node.names)


def part_of(name: str) -> str:
    """The part of our package that the dotted ``name`` belongs to; all else is the front door's."""
    _, _, within = name.partition(".")
    part = within.partition(".")[0]
    return part if part in MAY_IMPORT else "__init__"


def allowed(may: May, name: str) -> bool:
    """Whether the dotted ``name`` may be imported under that row."""
    top = name.partition(".")[0]
    if top == "flask_otpauth":
        return may.import_ours(part_of(name))
    return top in sys.stdlib_module_names or may.import_others(top)


def strays(module: Path, source: str) -> list[str]:
    """A sentence for each import of ``module`` that the table does not allow."""
    may = row_for(module)
    if may is None:
        return [f"{module} has no row in MAY_IMPORT: say there what it may import."]
    return [
        f"{module} imports {name}, which MAY_IMPORT forbids to it."
        for name in imported(module, ast.parse(source))
        if not allowed(may, name)
    ]


def clock_readings(module: Path, source: str) -> list[str]:
    """A sentence for each place where ``module`` asks the system for the time."""
    tree = ast.parse(source)
    attributes = (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return [
        f"{module} reads the system's clock by {name}: take the injected one."
        for name in (*attributes, *imported(module, tree))
        if ".".join(name.split(".")[-2:]) in CLOCKS
    ]


def oversized(module: Path, source: str) -> list[str]:
    """A sentence for the file and for each function in it that is too long."""
    found = []
    if len(source.splitlines()) > LONGEST_FILE:
        found.append(f"{module} has over {LONGEST_FILE} lines: it has two subjects.")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                found.append(f"{module}: {node.name} has {lines} lines, over {LONGEST_FUNCTION}.")
    return found


def test_the_package_is_where_these_tests_look() -> None:
    assert Path("core/challenges.py") in MODULES


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_imports_only_what_its_part_may(module: Path) -> None:
    found = strays(module, (PACKAGE / module).read_text("utf-8"))

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "module", [module for module in MODULES if str(module).startswith(TIMELESS)], ids=str
)
def test_a_module_takes_the_time_from_the_injected_clock(module: Path) -> None:
    found = clock_readings(module, (PACKAGE / module).read_text("utf-8"))

    assert not found, "\n".join(found)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_file_has_one_subject_and_a_function_one_screen(module: Path) -> None:
    found = oversized(module, (PACKAGE / module).read_text("utf-8"))

    assert not found, "\n".join(found)


@pytest.mark.parametrize("part", ["core", "ports", "engine", "envelopes"])
def test_the_inner_parts_need_nothing_but_the_standard_library(part: str) -> None:
    assert MAY_IMPORT[part].others == frozenset()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core/codes.py", "import sqlalchemy"),
        ("core/codes.py", "from flask_otpauth.engine.codes import Codes"),
        ("core/codes.py", "def late():\n    from flask_otpauth import adapters"),
        ("core/codes.py", "if TYPE_CHECKING:\n    from flask_otpauth.ports.clock import Clock"),
        ("core/codes.py", "from ..ports.clock import Clock"),
        ("core/codes.py", "from .. import ports"),
        ("core/codes.py", "from flask_otpauth import OtpAuth"),
        ("core/codes.py", "import flask_otpauth"),
        ("ports/clock.py", "import flask_otpauth.adapters.clock"),
        ("engine/codes.py", "from flask_otpauth.adapters.storage import memory"),
        ("engine/codes.py", "from flask import current_app"),
        ("engine/codes.py", "import pydantic"),
        ("adapters/senders/mail.py", "from flask import current_app"),
        ("adapters/senders/mail.py", "from flask_otpauth.engine.post import Post"),
        ("envelopes/email.py", "from flask_otpauth.flows import email"),
        ("flows/email.py", "import flask.globals"),
        ("flows/email.py", "import sqlalchemy"),
        ("flows/blueprint/__init__.py", "from flask_otpauth.adapters.limits import Gate"),
        ("signals.py", "from flask_otpauth.core.errors import Refusal"),
        ("settings.py", "import flask"),
        ("newcomer.py", "import json"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    assert len(strays(Path(module), source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core/codes.py", "import secrets"),
        ("core/codes.py", "from .instants import entry"),
        ("ports/clock.py", "from flask_otpauth.core import errors"),
        ("engine/codes.py", "from flask_otpauth.ports.storage import Storage"),
        ("adapters/senders/mail.py", "import flask_mail"),
        ("flows/email.py", "from pydantic import Field"),
        ("flows/blueprint/__init__.py", "import flask"),
        ("wiring.py", "from flask_otpauth.adapters import senders"),
        ("extension.py", "import flask"),
    ],
)
def test_a_right_import_is_left_alone(module: str, source: str) -> None:
    assert strays(Path(module), source) == []


@pytest.mark.parametrize(
    "source", ["datetime.now(UTC)", "datetime.datetime.utcnow()", "time.time()", "from time import time"]
)
def test_a_reading_of_the_systems_clock_is_found(source: str) -> None:
    assert len(clock_readings(Path("core/codes.py"), source)) == 1


def test_an_oversized_file_and_function_are_found() -> None:
    source = "def long():\n" + "    pass\n" * LONGEST_FILE

    assert len(oversized(Path("core/codes.py"), source)) == 2


def cells(names: frozenset[str]) -> str:
    """A set of names as a cell of the documentation's table."""
    return ", ".join(name if name == "any" else f"`{name}`" for name in sorted(names)) or "none"


def test_the_documented_table_is_this_one() -> None:
    rows = [f"| `{part}` | {cells(may.parts)} | {cells(may.others)} |" for part, may in MAY_IMPORT.items()]

    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")

    assert "\n".join(rows) in page
