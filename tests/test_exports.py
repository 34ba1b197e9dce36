"""What is public: the list of ``docs/public.md``, no more and no less."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_otpauth import OtpAuth
from tests.hosts import MakeApp
from tests.public import MEMBERS, MODULES

ROOT = Path(__file__).parents[1]


def defined(body: list[ast.stmt]) -> Iterator[str]:
    """The names that a module assigns, defines, or imports from the package, apart from private ones."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("flask_otpauth"):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.If):  # for type checkers
            yield from defined(node.body)


def test_the_page_lists_every_module_at_the_top_of_the_package() -> None:
    at_the_top = {
        f"flask_otpauth.{path.stem}"
        for path in (ROOT / "flask_otpauth").glob("*.py")
        if path.stem not in ("__init__", "extension")
    }

    assert at_the_top | {"flask_otpauth", "flask_otpauth.testing"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_page_lists_what_a_public_module_exports(name: str) -> None:
    assert MODULES[name] == importlib.import_module(name).__all__


# The module of the fixtures imports what they return, too.
@pytest.mark.parametrize("name", [name for name in MODULES if name != "flask_otpauth.testing.fixtures"])
def test_a_public_module_exports_all_that_is_in_it(name: str) -> None:
    module = importlib.import_module(name)
    source = ast.parse(Path(str(module.__file__)).read_text("utf-8"))

    public = {each for each in defined(source.body) if not each.startswith("_")}

    assert set(module.__all__) == public  # in the order that ruff demands
    assert all(hasattr(module, each) for each in public)


def test_the_page_lists_the_attributes_of_the_extension() -> None:
    assert MEMBERS["OtpAuth"] == sorted(name for name in vars(OtpAuth) if not name.startswith("_"))


@pytest.mark.parametrize("term", [term for term in MEMBERS if term != "OtpAuth"])
def test_the_methods_that_the_page_lists_are_there(term: str, make_app: MakeApp) -> None:
    app = make_app()
    otpauth = OtpAuth()

    with app.app_context():
        found = getattr(otpauth, term.removeprefix("OtpAuth."))

    assert MEMBERS[term] == sorted(MEMBERS[term])
    assert all(callable(getattr(found, name)) for name in MEMBERS[term])


@pytest.mark.parametrize(
    "path",
    [*ROOT.glob("docs/examples/*.py"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("example_app/**/*.py")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_examples_import_public_modules_only(path: Path) -> None:
    imported = re.findall(r"(?:from|import) (flask_otpauth[\w.]*)", path.read_text("utf-8"))

    assert set(imported) <= set(MODULES)


@pytest.mark.parametrize("error", ["ConfigurationError", "Refusal"])
def test_one_except_catches_every_error_of_the_package(error: str) -> None:
    module = importlib.import_module("flask_otpauth")

    assert issubclass(getattr(module, error), module.OtpAuthError)


def test_what_serves_any_test_runner_is_there_without_pytest() -> None:
    program = """
import sys
sys.modules["pytest"] = None  # as if it were not installed
from flask_otpauth.testing import MovableClock, Outbox
try:
    from flask_otpauth.testing import StorageContract
except ImportError as error:
    print(error.name)
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("pytest\n", "")


def test_a_test_kit_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        importlib.import_module("flask_otpauth.testing").Nothing  # noqa: B018
