"""The start of a process: what the import costs, what ``init_app`` costs, and the memory that both take."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions, requires
from statistics import median

from bench.rounds import progress
from bench.servers import ROOT

DISTRIBUTION = "flask-otpauth-server"


def measure(rounds: int) -> Iterator[str]:
    """Measure new processes, which take turns. Yield a table of medians."""
    programs = {
        "import of the required dependencies": required_modules(),
        "import of `OtpAuth`": ["flask_otpauth:OtpAuth"],
        "`init_app` with five flows, then": ["flask_otpauth:OtpAuth", "init_app"],
    }
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for number in range(rounds):
        progress(f"cold start, round {number + 1}")
        for name, arguments in programs.items():
            results[name].append(_run(arguments))
    lines = ["| | CPU | memory of the process |", "| --- | --- | --- |"]
    for name, found in results.items():
        cpu, memory = (median(values) for values in zip(*found, strict=True))
        lines.append(f"| {name} | {cpu:.0f} ms | {memory:.0f} MiB |")
    yield "\n".join(lines)
    alone, package, _ = results.values()
    ratio = median(own[0] / other[0] for own, other in zip(package, alone, strict=True))
    yield f"The import takes {ratio:.2f} times as long as that of the required dependencies alone."


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


def _run(arguments: Iterable[str]) -> tuple[float, float]:
    # -P: the modules of this folder are no top-level modules.
    command = [sys.executable, "-P", str(ROOT / "bench" / "start.py"), *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - all ours
    milliseconds, memory = map(float, done.stdout.split())
    return milliseconds, memory
