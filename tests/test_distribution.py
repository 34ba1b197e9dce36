"""
The distribution has a name that is free, and everything that names it agrees.

An index of packages treats ``flask_otpauth`` and ``flask-otpauth`` as one name, and that one has
been somebody else's package since 2013. Only the import name is ``flask_otpauth``.
"""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
NAME = "flask-otpauth-server"
TEXTS = (".cfg", ".css", ".html", ".js", ".md", ".py", ".toml", ".txt", ".yml")
#: How people write the name of the other package: it is one name, whatever stands between the words.
STRANGER = r"flask[-_.]+otpauth(?![-_.]+server)\b"
INSTALLS = re.compile(
    rf"install\b[^\n]*?(?<![./\w]){STRANGER}|{STRANGER}\[[a-z]|name = {STRANGER}", re.IGNORECASE
)
EXTRAS = re.compile(rf"(?:{NAME}|install [^\n]*?\.)\[([a-z,]+)\]")


def lines() -> Iterator[tuple[str, str]]:
    """Every line of the project's texts, with where it is."""
    own = [each for each in ROOT.iterdir() if not each.name.startswith(".")] + [ROOT / ".ci"]
    files = [file for each in own for file in (each.rglob("*") if each.is_dir() else [each])]
    for file in files:
        made_by_tools = "_build" in file.parts or file.parent.suffix == ".egg-info"
        if made_by_tools or file == Path(__file__) or not file.is_file():
            continue
        if file.suffix in TEXTS or file.parent.name == ".ci":
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
                yield f"{file.relative_to(ROOT)}:{number}", line


def metadata() -> ConfigParser:
    read = ConfigParser()
    read.read(ROOT / "setup.cfg", "utf-8")
    return read


def test_the_distribution_has_the_free_name() -> None:
    assert metadata()["metadata"]["name"] == NAME


def test_no_text_tells_anybody_to_install_the_package_of_somebody_else() -> None:
    assert [where for where, line in lines() if INSTALLS.search(line)] == []


@pytest.mark.parametrize(
    "line",
    [
        "pip install flask_otpauth",
        "pip install -U 'flask-otpauth[postgres]'",
        "    Flask.OTPAuth[test,docs]",
        "name = flask_otpauth",
    ],
)
def test_such_a_text_would_be_found(line: str) -> None:
    assert INSTALLS.search(line)


@pytest.mark.parametrize(
    "line", [f"pip install '{NAME}[postgres]'", "pip install -e '.[test]'", "name = flask-otpauth-server"]
)
def test_a_text_with_the_right_name_is_left_alone(line: str) -> None:
    assert not INSTALLS.search(line)


def test_every_extra_that_a_text_names_is_there() -> None:
    named = {extra for _, line in lines() for found in EXTRAS.findall(line) for extra in found.split(",")}

    assert named == set(metadata()["options.extras_require"])


def test_every_link_of_the_readme_works_on_a_package_index() -> None:
    link = re.compile(r"\]\(([^)]+)\)")
    shown = link.findall((ROOT / "README.md").read_text("utf-8"))
    base = re.findall(r"^Source = (.+)$", metadata()["metadata"]["project_urls"], re.MULTILINE)[0]
    version = metadata()["metadata"]["version"]

    on_the_index = link.findall(runpy.run_path(str(ROOT / "setup.py"))["long_description"]())

    files = [target for target in shown if "://" not in target]
    assert files
    assert on_the_index == [
        f"{base}/blob/v{version}/{target}" if target in files else target for target in shown
    ]


def test_the_lock_file_has_a_version_of_every_dependency_that_setup_cfg_allows() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    locked = {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==([^ ;]+)", lock, re.MULTILINE)
    }
    extras = metadata()["options.extras_require"].values()
    texts = "\n".join([metadata()["options"]["install_requires"], *extras]).splitlines()
    required = [Requirement(text) for text in texts if text and not text.startswith(("#", NAME))]

    assert len(required) > 30
    for requirement in required:
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, str(requirement)


def test_the_lock_file_names_no_place_to_install_from() -> None:
    assert "://" not in (ROOT / "requirements-dev.lock").read_text("utf-8")


def test_a_start_up_error_names_the_extra_that_is_missing() -> None:
    app = """
import sys
sys.modules["cryptography"] = None  # as where it is not installed
from flask import Flask
from flask_otpauth import OtpAuth
app = Flask("host")
app.config.update(
    SECRET_KEY="7f8f4ab6a3f0c7e6d5b4a39281706f5e",
    OTPAUTH_SENDERS={"email": "console"},
    OTPAUTH_JWT_KEYS=[{"kid": "1", "alg": "ES256", "key": "not looked at"}],
)
OtpAuth(app)
"""

    done = subprocess.run([sys.executable, "-c", app], cwd=ROOT, capture_output=True, text=True, check=False)

    assert f"pip install '{NAME}[crypto]'" in done.stderr
