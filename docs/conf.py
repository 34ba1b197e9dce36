"""Sphinx: Markdown in, the furo theme out. Built with warnings as errors by ``.ci/run``."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "flask_otpauth"
author = "the flask_otpauth authors"
copyright = f"2026 {author}"
release = version_of("flask-otpauth-server")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "otpauth_pages"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# The reference is made of docstrings. A name is shown as a reader imports it, without its module.
add_module_names = False
python_use_unqualified_type_names = True
python_display_short_literal_types = True
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = {
    "IdentifierKind": "IdentifierKind",
    "UserReference": "UserReference",
    "Wire": "Wire",
}

smartquotes = False  # a quote on these pages is part of what has to be typed

html_theme = "furo"
html_title = f"flask_otpauth {release}"
