"""The pages say what is there: files that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OUR_FILE = re.compile(r"`((?:flask_otpauth|example_app|tests|docs|bench|\.ci)/[\w/.-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_file_that_a_page_names_exists(page: Path) -> None:
    named = OUR_FILE.findall(page.read_text("utf-8"))

    missing = [name for name in named if not (ROOT / name).exists()]

    assert not missing, f"{page.name} names {', '.join(missing)}"
