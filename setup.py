"""
The one thing that setup.cfg cannot say: the README as a package index shows it.

The README links to files beside it. A package index has no such files, so there the same links lead to the
repository, at the tag of this version.
"""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parent


def long_description() -> str:
    """The README with every link to a file made absolute."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    metadata = config["metadata"]
    (source,) = re.findall(r"^Source = (\S+)$", metadata["project_urls"], re.MULTILINE)
    base = f"{source}/blob/v{metadata['version']}/"
    readme = (ROOT / "README.md").read_text("utf-8")
    return re.sub(r"\]\((?![a-z]+:|#)", lambda _: f"]({base}", readme)


if __name__ == "__main__":
    from setuptools import setup

    setup(long_description=long_description())
