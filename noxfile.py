"""
Every check of the project, by name. ``nox --list`` shows them, and ``nox -s lint`` runs one.

``.ci/run``, the hosted CI and the pre-commit hooks call these sessions, so each check is described only
here. Sessions with ``python=False`` run in the development environment. The others make their own.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
#: What the session ``build`` makes.
DIST = ROOT / "dist"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")

#: What runs where all tests would take too long: what a new Python or an old dependency is likely to break.
#: The hosted CI names all tests instead.
QUICK = (
    *("tests/core", "tests/engine", "tests/adapters", "tests/test_settings.py", "tests/test_user_keys.py"),
    *("tests/docs/test_api_pages.py", "docs/examples"),
)

#: What makes every process of Python in the development environment measure its coverage.
MEASURED = {
    "COVERAGE_PROCESS_START": str(ROOT / "pyproject.toml"),
    "COVERAGE_FILE": str(ROOT / ".coverage"),
}

nox.needs_version = ">=2025.10.14"
nox.options.sessions = ("lint", "spelling", "types", "tests", "docs")
# A Python that the machine lacks is named as skipped. The hosted CI, which has them all, demands them.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"


def tool(session: nox.Session, module: str, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run a module of the development environment."""
    session.run(sys.executable, "-m", module, *arguments, env=env, external=True)


# -- in the development environment -----------------------------------------------------------


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """All tests, and then their coverage. Arguments after ``--`` are pytest's, and turn the measuring off."""
    if session.posargs:
        tool(session, "pytest", *session.posargs)
        return
    tool(session, "coverage", "erase")
    tool(session, "pytest", "-n", "2", env=MEASURED)
    session.notify("coverage")


@nox.session(python=False)
def coverage(session: nox.Session) -> None:
    """The lines and branches that the last measured tests ran. It fails below the bound in pyproject.toml."""
    tool(session, "coverage", "combine", "--quiet")
    tool(session, "coverage", "report")


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Style and likely bugs, in Python and in the files for the hosted CI."""
    tool(session, "ruff", "check")
    tool(session, "ruff", "format", "--check")
    tool(
        session, "check_jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/ci.yml"
    )
    forms = (".github/ISSUE_TEMPLATE/bug.yml", ".github/ISSUE_TEMPLATE/feature.yml")
    tool(session, "check_jsonschema", "--builtin-schema", "vendor.github-issue-forms", *forms)


@nox.session(python=False)
def spelling(session: nox.Session) -> None:
    """Common misspellings."""
    tool(session, "codespell_lib")


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """Types, strictly: package, example app, docs' examples, tools, bench, and an app as hosts write it."""
    tool(session, "mypy")
    tool(session, "mypy", "docs/examples")
    tool(session, "mypy", "tests/typing")
    tool(session, "basedpyright", "--pythonpath", sys.executable)
    tool(session, "mypy", "noxfile.py", "tools", "bench")


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """The docs in ``docs/_build/html``. A warning is an error."""
    tool(session, "sphinx", "-q", "-W", "--keep-going", "docs", "docs/_build/html")


@nox.session(python=False)
def build(session: nox.Session) -> None:
    """A source distribution of the tree in ``dist``, and the wheel that is built from it."""
    shutil.rmtree(DIST, ignore_errors=True)
    tool(session, "build", "--outdir", str(DIST), str(ROOT))


@nox.session(python=False)
def release(session: nox.Session) -> None:
    """Whether the tree can be released, as RELEASING.md says. It names everything that is still missing."""
    tool(session, "tools.release")


@nox.session(python=False)
def lock(session: nox.Session) -> None:
    """Write ``requirements-dev.lock`` from setup.cfg, with the newest versions of everything."""
    tool(
        session,
        "uv",
        *("pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", PYTHONS[0]),
        *("--extra", "dev", "--custom-compile-command", "nox -s lock"),
        *("--output-file", "requirements-dev.lock", "setup.cfg"),
    )


# -- in an environment of their own -----------------------------------------------------------


@nox.session(python=PYTHONS, venv_backend="uv")
def pythons(session: nox.Session) -> None:
    """The quick part of the tests on each Python, or what you name after ``--``."""
    if not session.posargs and session.python == ".".join(map(str, sys.version_info[:2])):
        session.skip("all tests run on it in the development environment")
    session.install("-e", ".[test]")
    session.run("pytest", *(session.posargs or QUICK))


@nox.session(python=PYTHONS[0], venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """The quick part of the tests with the lowest versions that setup.cfg allows."""
    session.install("--resolution", "lowest-direct", "-e", ".[test]")
    session.run("pytest", *(session.posargs or QUICK))


@nox.session(name="sqlalchemy-2.0", venv_backend="uv")
def sqlalchemy_2_0(session: nox.Session) -> None:
    """The storage tests on SQLAlchemy 2.0. The development environment has a newer version."""
    session.install("-e", ".[test]", "SQLAlchemy>=2.0.31,<2.1")
    is_older = "import sqlalchemy as s; raise SystemExit({} s.__version__.startswith('2.0.'))"
    session.run("python", "-c", is_older.format("not"))
    session.run(sys.executable, "-c", is_older.format(""), external=True)
    # Not the senders, which have no storage. The session ``lowest`` runs them with SQLAlchemy 2.0.
    others = ("--ignore=tests/adapters/senders", "--ignore=tests/adapters/receipts")
    session.run("pytest", "tests/adapters", *others, "tests/test_user_keys.py")


@nox.session(requires=["build"])
def package(session: nox.Session) -> None:
    """The package alone, installed as users install it: no file is missing, and the example app starts."""
    (wheel,) = DIST.glob("*.whl")
    session.install(str(wheel))
    session.run("python", "-m", "pip", "check")
    elsewhere = Path(session.create_tmp())
    shutil.copytree(ROOT / "example_app", elsewhere / "example_app", dirs_exist_ok=True)
    with session.chdir(elsewhere):
        found = session.run(
            "python", "-c", "import flask_otpauth; print(*flask_otpauth.__path__)", silent=True
        )
        differing = contents(Path(str(found).strip())) ^ contents(ROOT / "flask_otpauth")
        if differing:
            session.error(f"the wheel and the tree differ in {', '.join(sorted(differing))}")
        session.run("flask", "--app", "example_app", "routes")


def contents(folder: Path) -> set[str]:
    """The files of a folder, without those that Python compiles."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")
    return {str(file.relative_to(folder)) for file in files}


@nox.session(requires=["build"], venv_backend="uv")
def sdist(session: nox.Session) -> None:
    """The source distribution: it has every file of the repository, its tests run, its docs can be built."""
    (archive,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    tool(session, "twine", "check", "--strict", str(archive), str(wheel))
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
        packed.extractall(elsewhere := Path(session.create_tmp()) / "unpacked", filter="data")
    listing = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    files = set(str(session.run(*listing, silent=True, external=True)).splitlines())
    if missing := {file for file in files if (ROOT / file).exists()} - names:
        session.error(f"the source distribution lacks {', '.join(sorted(missing))}")
    session.install(f"{wheel}[test,docs]")
    with session.chdir(elsewhere / archive.name.removesuffix(".tar.gz")):
        session.run("pytest", "--collect-only", "-q", silent=True)
        session.run("pytest", "tests/core", "tests/docs/test_pages.py", "tests/test_distribution.py")
        session.run("sphinx-build", "-q", "-W", "--keep-going", "docs", "docs/_build/html")
