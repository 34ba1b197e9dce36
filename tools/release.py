"""What is still missing for a release: ``nox -s release`` prints it. RELEASING.md has the whole list."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

#: The domain of every placeholder. It cannot exist (RFC 2606).
PLACEHOLDER = re.compile(r"[\w.@:/-]+\.invalid\b")


def problems(root: Path) -> Iterator[str]:
    """What must be done in the tree at ``root`` before it can be released, one sentence each."""
    yield from _placeholders(root)
    config = ConfigParser()
    config.read(root / "setup.cfg", "utf-8")
    version = config["metadata"]["version"]
    yield from _changelog(root, version)
    if not (root / "tests/frozen" / version).is_dir():
        yield f"tests/frozen/{version}: write the tables and rows of this version (python -m tests.frozen)"
    readme = (root / "README.md").read_text("utf-8")
    if re.search("not released yet|until the first release", readme, re.IGNORECASE):
        yield "README.md: say how to install the release, not that there is none"


def _placeholders(root: Path) -> Iterator[str]:
    files = [root / "setup.cfg", root / "SECURITY.md", *sorted((root / ".github").rglob("*.*ml"))]
    for file in files:
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            for found in PLACEHOLDER.findall(line):
                yield f"{file.relative_to(root)}:{number}: replace the placeholder {found}"


def _changelog(root: Path, version: str) -> Iterator[str]:
    for fragment in sorted((root / "changes.d").glob("*.md")):
        if fragment.name != "README.md":
            yield f"changes.d/{fragment.name}: move it to CHANGES.md with towncrier"
    changes = (root / "CHANGES.md").read_text("utf-8")
    newest, *others = re.findall("^## (.+)$", changes, re.MULTILINE)
    if not re.fullmatch(re.escape(version) + r" \(\d{4}-\d{2}-\d{2}\)", newest):
        yield f"CHANGES.md: the newest section must be '{version} (YYYY-MM-DD)', not {newest!r}"
    for heading in others:
        if "unreleased" in heading:
            yield f"CHANGES.md: merge the section {heading!r} into the newest one"


if __name__ == "__main__":
    found = list(problems(Path(__file__).parents[1]))
    sys.exit("\n".join(found) if found else None)
