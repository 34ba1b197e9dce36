"""What holds for every test. Warnings are errors and nothing may hang: see setup.cfg."""

from __future__ import annotations

import gc
import os

import hypothesis
import pytest

# Pytest takes plugins from this conftest alone, not from those of the folders.
pytest_plugins = ["flask_otpauth.testing.fixtures", "tests.hosts"]

# How long an example takes says more about what else the machine is doing than about the code.
# CI repeats the same examples each time, so that a red run is about the change in front of it.
hypothesis.settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("house")

#: The name of a property of a test that is shown at the end of a run, for the log of CI.
SHOWN = "shown"


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays until the end: thousands of tests, and all modules."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have measured or counted, also those that ran in another process."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == SHOWN and report.when == "call":
                terminalreporter.write_line(str(value))
