"""Sphinx: Markdown in, the furo theme out. Built with warnings as errors by ``.ci/run``."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "flask_otpauth"
author = "the flask_otpauth authors"
copyright = f"2026 {author}"
release = version_of("flask_otpauth")

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"flask_otpauth {release}"
