"""What the checks name exists: sessions of noxfile.py, tests, and Pythons, all of which are tested."""

from __future__ import annotations

import ast
import re
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.conftest import UNMEASURED

ROOT = Path(__file__).parents[1]
NOXFILE = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
#: ``nox -s lint types``, and what ci.yml fills into ``nox --session "$SESSION"``.
CALLS = re.compile(r'nox"? (?:-s|--session) ([a-z][\w. -]*\w)|session: (?:\[([^$\]]+)\]|([\w.-]+))')


def constants(node: ast.AST) -> list[str]:
    """Every text that is written out in this part of the file."""
    return [
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


def assigned(name: str) -> list[str]:
    """The texts of a variable of the file."""
    (value,) = (
        node.value
        for node in NOXFILE.body
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]
    )
    return constants(value)


def sessions() -> set[str]:
    """The names by which nox knows its sessions."""
    names = set()
    for node in NOXFILE.body:
        if isinstance(node, ast.FunctionDef) and any(
            "nox.session" in ast.unparse(d) for d in node.decorator_list
        ):
            named = re.search(r"name='(.+?)'", ast.unparse(node.decorator_list[0]))
            names.add(named[1] if named else node.name)
    return names | {f"pythons-{version}" for version in assigned("PYTHONS")}


@pytest.mark.parametrize(
    "file",
    [".ci/run", ".github/workflows/ci.yml", ".pre-commit-config.yaml", "CONTRIBUTING.md", "RELEASING.md"],
)
def test_the_sessions_that_a_file_names_are_in_the_noxfile(file: str) -> None:
    calls = ["".join(call) for call in CALLS.findall((ROOT / file).read_text("utf-8"))]
    named = {name for call in calls for name in re.split(r"[ ,]+", call)}

    assert named
    assert named <= sessions()


def test_the_tests_that_a_session_runs_are_there() -> None:
    paths = [text for text in constants(NOXFILE) if re.match(r"(tests|docs/examples)\b[\w/.-]*$", text)]

    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("path", UNMEASURED)
def test_what_is_not_measured_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_supported_python_is_tested() -> None:
    metadata = ConfigParser()
    metadata.read(ROOT / "setup.cfg", "utf-8")
    supported = re.findall(r"Python :: (3\.\d+)", metadata["metadata"]["classifiers"])
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")

    assert metadata["options"]["python_requires"] == f">={supported[0]}"
    assert assigned("PYTHONS") == supported
    assert re.findall(r'pythons-(3\.\d+), python: "\1"', workflow) == supported
