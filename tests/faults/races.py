"""Runs the races that the tests have, again and again, and counts them by store."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from flask_otpauth.testing import StorageContract
from tests.faults.serving import ROOT

#: What the module of a test, or its parameter, says about its store; and how the report calls that.
STORES = {"memory": "memory", "sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
_OVER_HTTP = "tests.flows.test_races"
_CONTRACT = "tests/adapters/test_{}.py"
#: The tests that are races, among those of the contract: their parameters say so.
_RACES = "threads or processes or killed_process"


def name_of(test: str) -> str:
    """How the report calls a race: as its test is called."""
    return test.partition("[")[0].removeprefix("test_").replace("_", " ")


def names() -> list[str]:
    """All races, in the order of the report."""
    contract = [
        name
        for name, test in inspect.getmembers(StorageContract, inspect.isfunction)
        if name.startswith("test_") and ("race" in inspect.signature(test).parameters or "killed" in name)
    ]
    over_http = [name for name in vars(importlib.import_module(_OVER_HTTP)) if name.startswith("test_")]
    return [name_of(each) for each in (*contract, *over_http)]


@dataclass
class Races:
    """How often each race was run on each store, and how often it was lost."""

    runs: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: Counter[tuple[str, str]] = field(default_factory=Counter)

    def run(self, stores: list[str]) -> None:
        """Run all races once on these stores."""
        contract = [_CONTRACT.format(kind) for kind, store in STORES.items() if store in stores]
        files = [each for each in contract if (ROOT / each).exists()]
        over_http = _OVER_HTTP.replace(".", "/") + ".py"
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.xml")
            options = ["-q", "-n", "2", "-p", "no:cacheprovider", "-k", _RACES, f"--junitxml={report}"]
            command = [sys.executable, "-m", "pytest", *options, *files, over_http]
            subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
            self._read(report, stores)

    def _read(self, report: Path, stores: list[str]) -> None:
        for case in ElementTree.parse(report).iter("testcase"):
            where = f"{case.get('classname')} {case.get('name')}"
            store = next((store for kind, store in STORES.items() if kind in where), "")
            if store in stores and case.find("skipped") is None:
                race = name_of(str(case.get("name")))
                self.runs[race, store] += 1
                failed = case.find("failure") is not None or case.find("error") is not None
                self.violations[race, store] += failed
