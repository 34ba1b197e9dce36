"""What ``docs/public.md`` lists as public."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def _listed(section: str) -> dict[str, list[str]]:
    """The definitions under a heading of the page: each term with the names that it defines."""
    page = (DOCS / "public.md").read_text("utf-8")
    text = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    entries = re.findall(r"^`([\w.]+)`\n((?:[: ] .*\n)+)", text, re.MULTILINE)
    return {term: re.findall(r"`(\w+)`", names) for term, names in entries}


MODULES = _listed("Modules")
MEMBERS = _listed("The extension object")
