"""The start of a process: what the import costs, what ``init_app`` costs, and the memory that both take."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, requires
from statistics import median

from bench.rounds import progress
from bench.servers import ROOT

DISTRIBUTION = "flask-otpauth-server"

DEPENDENCIES = "import of the required dependencies"
PACKAGE = "import of `OtpAuth`"
HOST = "a host with Flask-SQLAlchemy, PostgreSQL"
WORKER = "`init_app` with five flows there"


@dataclass(frozen=True)
class Start:
    """What the start of a process took."""

    cpu_ms: float
    memory_mib: float
    #: What is not shared with other processes.
    private_mib: float


def measure(starts: int) -> Iterator[str]:
    """Measure new processes, which take turns. Yield a table, and what it says about this package."""
    dependencies = [*required_modules(), "model"]
    programs = {
        DEPENDENCIES: ["then", *dependencies],
        PACKAGE: ["then", "flask_otpauth:OtpAuth"],
        HOST: [*dependencies, "then", "postgresql"],
        WORKER: ["flask_otpauth:OtpAuth", "postgresql", "then", "init_app"],
        "`init_app` with five flows there, SQLite": ["flask_otpauth:OtpAuth", "sqlite", "then", "init_app"],
    }
    for arguments in programs.values():
        _run(arguments)  # which leaves the bytecode for the others
    results: dict[str, list[Start]] = {name: [] for name in programs}
    for number in range(starts):
        progress(f"cold start, round {number + 1} of {starts}")
        for name, arguments in programs.items():
            results[name].append(_run(arguments))
    yield "\n".join(
        [
            "| | CPU: median (least to most) | memory | not shared |",
            "| --- " * 4 + "|",
            *(_row(name, starts) for name, starts in results.items()),
        ]
    )
    yield f"{_slower(results)} {_larger(results)}"


def required_modules() -> list[str]:
    """Return the modules of the distributions that the package cannot do without."""
    required = {
        _canonical(re.split(r"[^\w.-]", line)[0])
        for line in requires(DISTRIBUTION) or []
        if "extra ==" not in line
    }
    return sorted(
        module
        for module, distributions in packages_distributions().items()
        if not module.startswith("_") and required & set(map(_canonical, distributions))
    )


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _row(name: str, starts: Sequence[Start]) -> str:
    cpu = [each.cpu_ms for each in starts]
    memory = median(each.memory_mib for each in starts)
    private = median(each.private_mib for each in starts)
    return (
        f"| {name} | {median(cpu):.0f} ms ({min(cpu):.0f} to {max(cpu):.0f}) "
        f"| {memory:.1f} MiB | {private:.1f} MiB |"
    )


def _slower(results: Mapping[str, Sequence[Start]]) -> str:
    found = [own.cpu_ms / other.cpu_ms for own, other in _pairs(results, PACKAGE, DEPENDENCIES)]
    return (
        f"The import takes {median(found):.2f} ({min(found):.2f} to {max(found):.2f}) times as long as that "
        "of the required dependencies alone."
    )


def _larger(results: Mapping[str, Sequence[Start]]) -> str:
    pairs = list(_pairs(results, WORKER, HOST))
    memory = median(own.memory_mib - other.memory_mib for own, other in pairs)
    private = median(own.private_mib - other.private_mib for own, other in pairs)
    return (
        f"Five flows add {memory:.1f} MiB to the memory of a process that has the required dependencies, of "
        f"which {private:.1f} MiB are not shared."
    )


def _pairs(results: Mapping[str, Sequence[Start]], own: str, other: str) -> Iterator[tuple[Start, Start]]:
    return zip(results[own], results[other], strict=True)


def _run(arguments: Iterable[str]) -> Start:
    # -P: the modules of this folder are no top-level modules.
    command = [sys.executable, "-P", str(ROOT / "bench" / "start.py"), *arguments]
    # Servers have bytecode on disk. Without it, this would measure the compiler.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(  # noqa: S603 - all ours
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return Start(*map(float, done.stdout.split()))
