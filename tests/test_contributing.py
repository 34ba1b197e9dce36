"""CONTRIBUTING.md shows code of the project's style that works."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_the_examples_of_the_style_are_a_module_whose_tests_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.py").write_text("\n\n".join(blocks), "utf-8")

    module = runpy.run_path(str(tmp_path / "example.py"))

    tests = [value for name, value in module.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()
