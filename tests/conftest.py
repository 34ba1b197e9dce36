"""What holds for every test. Warnings are errors and nothing may hang: see setup.cfg."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest
from coverage import Coverage

# Pytest takes plugins from this conftest alone, not from those of the folders.
pytest_plugins = ["flask_otpauth.testing.fixtures", "tests.hosts"]

# How long an example takes says more about what else the machine is doing than about the code.
# CI repeats the same examples each time, so that a red run is about the change in front of it.
hypothesis.settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("house")

#: Tests whose coverage is not measured, because they would take half as long again. They run lines that
#: others run too: in many processes at once, on another database, as an example of a page, or from a browser.
UNMEASURED = (
    "docs/",
    "example_app/",
    "tests/adapters/test_mariadb.py",
    "tests/adapters/test_partitions.py",
    "tests/adapters/test_postgresql.py",
    "tests/adapters/test_sqlite.py",
    "tests/docs/",
    "tests/faults/",
    "tests/flows/test_races.py",
    "tests/test_bench.py",
    "tests/test_workers.py",
    "tests/test_workflow_crashes.py",
)

#: The name of a property of a test that is shown at the end of a run, for the log of CI.
SHOWN = "shown"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Do not measure the coverage of some tests, nor that of the processes that they start."""
    coverage = Coverage.current()
    if coverage is None or not item.nodeid.startswith(UNMEASURED):
        return (yield)
    start = os.environ.pop("COVERAGE_PROCESS_START", None)
    coverage.stop()
    try:
        return (yield)
    finally:
        coverage.start()
        if start is not None:
            os.environ["COVERAGE_PROCESS_START"] = start


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have measured or counted, also those that ran in another process."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == SHOWN and report.when == "call":
                terminalreporter.write_line(str(value))
