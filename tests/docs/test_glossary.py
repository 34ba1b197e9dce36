"""The glossary names types that exist, each word once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs" / "concepts.md").read_text("utf-8")


def test_every_type_of_the_glossary_is_in_the_package() -> None:
    modules = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "flask_otpauth").rglob("*.py")]
    classes = {node.name for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef)}
    named = set(re.findall(r"`([A-Z][a-z]\w+)`", GLOSSARY))

    assert len(named) >= 20
    assert named <= classes


def test_the_glossary_has_each_word_once() -> None:
    words = re.findall(r"^### (.+)$", GLOSSARY, re.MULTILINE)

    assert len(words) >= 60
    assert len(set(words)) == len(words)
