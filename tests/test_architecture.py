"""
The arrows of the architecture, as a table that fails when an import goes against them.

``docs/architecture.md`` shows the same table to people.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "flask_otpauth"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

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
# The order is that of the layers: a part imports itself and parts that stand above it, never below.
MAY_IMPORT = {
    "core": _may("core"),
    "ports": _may("core ports"),
    "engine": _may("core engine ports"),
    "settings": _may("core settings", "pydantic"),
    "signals": _may("", "blinker"),
    "web": _may("core engine ports settings web", "flask pydantic pydantic_core werkzeug"),
    "web/envelope": _may("core"),
    "web/problem": _may("web"),
    "flows": _may("core engine flows ports settings web", "pydantic"),
    "adapters": _may("adapters core ports signals", "any werkzeug"),
    "errors": _may("core"),
    "storage": _may("adapters core ports"),
    "senders": _may("adapters ports"),
    "receipts": _may("core ports"),
    "users": _may("adapters ports"),
    "envelopes": _may("web"),
    "inbox": _may("core inbox ports", "flask jinja2"),
    "wiring": _may("adapters core engine flows inbox ports settings web wiring", "any flask"),
    "doctor": _may("adapters core doctor engine ports settings web wiring"),
    "cli": _may("adapters cli core doctor engine ports settings web wiring", "any flask"),
    "extension": _may("cli core engine ports web wiring", "any flask werkzeug"),
    "__init__": _may("core engine extension"),
    "testing": _may("__init__ adapters core engine ports senders testing", "any"),
}

# Here nobody asks the system or the database what time it is: the injected clock tells.
TIMELESS = ("core", "ports", "engine", "flows", "settings", "web", "adapters/memory", "adapters/sqlalchemy")
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
    """A sentence for each function in ``module`` that is too long. Ruff limits their complexity."""
    return [
        f"{module}: {node.name} has over {LONGEST_FUNCTION} lines."
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    ]


def circles(imports: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """The groups of modules that import each other, directly or through others."""
    sorter = TopologicalSorter(imports)
    try:
        sorter.prepare()
    except CycleError as error:
        return [error.args[1]]
    return []


def dotted(module: Path) -> str:
    """The name by which ``module``, a path within the package, is imported."""
    return ".".join(("flask_otpauth", *module.with_suffix("").parts)).removesuffix(".__init__")


def imports_of_the_package() -> dict[str, frozenset[str]]:
    """The modules of the package that each of its modules imports."""
    names = {dotted(module) for module in MODULES}
    return {
        dotted(module): frozenset(
            name if name in names else name.rpartition(".")[0]
            for name in imported(module, ast.parse((PACKAGE / module).read_text("utf-8")))
            if name.startswith("flask_otpauth")
        )
        for module in MODULES
    }


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
def test_a_function_fits_on_a_screen(module: Path) -> None:
    found = oversized(module, (PACKAGE / module).read_text("utf-8"))

    assert not found, "\n".join(found)


@pytest.mark.parametrize("part", ["core", "ports", "engine", "web/envelope"])
def test_the_inner_parts_need_nothing_but_the_standard_library(part: str) -> None:
    assert MAY_IMPORT[part].others == frozenset()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core/challenges.py", "import sqlalchemy"),
        ("core/challenges.py", "from flask_otpauth.engine.codes import Codes"),
        ("core/challenges.py", "def late():\n    from flask_otpauth import adapters"),
        ("core/challenges.py", "if TYPE_CHECKING:\n    from flask_otpauth.ports.clock import Clock"),
        ("core/challenges.py", "from ..ports.clock import Clock"),
        ("core/challenges.py", "from .. import ports"),
        ("core/challenges.py", "from flask_otpauth import OtpAuth"),
        ("core/challenges.py", "import flask_otpauth"),
        ("ports/clock.py", "import flask_otpauth.adapters.clock"),
        ("engine/codes.py", "from flask_otpauth.adapters import memory"),
        ("engine/codes.py", "from flask import current_app"),
        ("engine/codes.py", "import pydantic"),
        ("adapters/senders/mail.py", "from flask import current_app"),
        ("adapters/senders/mail.py", "from flask_otpauth.engine.messenger import Messenger"),
        ("web/problem.py", "from flask_otpauth.flows import email"),
        ("flows/email/handlers.py", "import flask.globals"),
        ("flows/email/handlers.py", "import sqlalchemy"),
        ("web/blueprint.py", "from flask_otpauth.adapters.rate_limits import DEFAULTS"),
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
        ("core/challenges.py", "import secrets"),
        ("core/challenges.py", "from .instants import entry"),
        ("ports/clock.py", "from flask_otpauth.core import errors"),
        ("engine/codes.py", "from flask_otpauth.ports.storage import Storage"),
        ("adapters/senders/mail.py", "import flask_mail"),
        ("flows/email/settings.py", "from pydantic import Field"),
        ("web/blueprint.py", "import flask"),
        ("wiring/senders.py", "from flask_otpauth.adapters import senders"),
        ("extension.py", "import flask"),
    ],
)
def test_a_right_import_is_left_alone(module: str, source: str) -> None:
    assert strays(Path(module), source) == []


@pytest.mark.parametrize(
    "source", ["datetime.now(UTC)", "datetime.datetime.utcnow()", "time.time()", "from time import time"]
)
def test_a_reading_of_the_systems_clock_is_found(source: str) -> None:
    assert len(clock_readings(Path("core/challenges.py"), source)) == 1


def test_an_oversized_function_is_found() -> None:
    source = "def long():\n" + "    pass\n" * LONGEST_FUNCTION

    assert len(oversized(Path("core/challenges.py"), source)) == 1


def test_no_part_may_import_one_below_it() -> None:
    parts = list(MAY_IMPORT)

    upward = [
        (part, other)
        for part, may in MAY_IMPORT.items()
        for other in may.parts
        if parts.index(other) > parts.index(part)
    ]

    assert upward == []


def test_no_modules_import_each_other() -> None:
    imports = imports_of_the_package()

    assert "flask_otpauth.core.challenges" in imports["flask_otpauth.engine.codes"]
    assert circles(imports) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"a"})}) != []


def cells(names: frozenset[str]) -> str:
    """A set of names as a cell of the documentation's table."""
    return ", ".join(name if name == "any" else f"`{name}`" for name in sorted(names)) or "none"


def test_the_documented_table_is_this_one() -> None:
    rows = [f"| `{part}` | {cells(may.parts)} | {cells(may.others)} |" for part, may in MAY_IMPORT.items()]

    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")

    assert "\n".join(rows) in page
