"""A release is refused while anything of it is missing, and each missing thing is named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.release import problems

ROOT = Path(__file__).parents[1]


def edit(file: Path, pattern: str, replacement: str) -> None:
    """Replace what must be there."""
    text, count = re.subn(pattern, replacement, file.read_text("utf-8"), flags=re.MULTILINE | re.IGNORECASE)
    assert count, f"{file.name} has no {pattern!r}"
    file.write_text(text, "utf-8")


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A copy of the tree's texts with everything done that a release needs."""
    for name in ("setup.cfg", "SECURITY.md", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in (".github", "changes.d"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for fragment in (tmp_path / "changes.d").glob("*.*.md"):
        fragment.unlink()
    edit(tmp_path / "setup.cfg", r"^version = .+$", "version = 1.2.0")
    for file in (tmp_path / "setup.cfg", tmp_path / "SECURITY.md", *tmp_path.glob(".github/**/config.yml")):
        edit(file, r"flask-otpauth\.invalid", "otpauth.example")
    (tmp_path / "tests/frozen/1.2.0").mkdir(parents=True)
    text = (tmp_path / "README.md").read_text("utf-8")
    (tmp_path / "README.md").write_text(
        re.sub("not released yet|until the first release", "", text, flags=re.IGNORECASE), "utf-8"
    )
    (tmp_path / "CHANGES.md").write_text("# Changes\n\n## 1.2.0 (2026-11-30)\n\n## 1.1.0 (2026-10-31)\n")
    return tmp_path


def test_a_tree_with_everything_done_can_be_released(ready: Path) -> None:
    assert list(problems(ready)) == []


def undo(name: str, pattern: str, replacement: str) -> Callable[[Path], None]:
    """A step of the release that somebody forgot."""
    return lambda root: edit(root / name, pattern, replacement)


@pytest.mark.parametrize(
    ("forget", "named"),
    [
        (
            undo("SECURITY.md", r"security@otpauth\.example", "security@flask-otpauth.invalid"),
            "SECURITY.md:5: replace the placeholder security@flask-otpauth.invalid",
        ),
        (
            undo("setup.cfg", r"^    Source = .+$", "    Source = https://host.invalid/source"),
            "setup.cfg:13: replace the placeholder https://host.invalid",
        ),
        (
            undo(".github/ISSUE_TEMPLATE/config.yml", r"url: .+", "url: https://host.invalid/"),
            ".github/ISSUE_TEMPLATE/config.yml:4: replace the placeholder https://host.invalid",
        ),
        (
            undo("CHANGES.md", r"1\.2\.0 \(2026-11-30\)", "1.2.0 (unreleased)"),
            "CHANGES.md: the newest section must be '1.2.0 (YYYY-MM-DD)', not '1.2.0 (unreleased)'",
        ),
        (
            undo("CHANGES.md", r"1\.1\.0 \(2026-10-31\)", "1.1.0 (unreleased)"),
            "CHANGES.md: merge the section '1.1.0 (unreleased)' into the newest one",
        ),
        (
            lambda root: (root / "tests/frozen/1.2.0").rmdir(),
            "tests/frozen/1.2.0: write the tables and rows of this version (python -m tests.frozen)",
        ),
        (
            undo("README.md", r"\A", "Version 1.2 is not released yet. "),
            "README.md: say how to install the release, not that there is none",
        ),
        (
            lambda root: (root / "changes.d" / "12.fixed.md").write_text("A bug.\n"),
            "changes.d/12.fixed.md: move it to CHANGES.md with towncrier",
        ),
    ],
)
def test_what_is_missing_is_named(ready: Path, forget: Callable[[Path], None], named: str) -> None:
    forget(ready)

    (found,) = problems(ready)

    assert named in found
