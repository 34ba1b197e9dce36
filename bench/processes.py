"""What processes have used, as Linux counts it in ``/proc``."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int | None) -> float:
    """Return the CPU time of a process and all its descendants, also of those that have ended."""
    return sum(sum(map(int, fields[11:15])) for fields in _tree(root).values()) / TICKS


def memory_mib(root: int) -> float:
    """Return the memory of the largest descendant of a process, with its share of what it shares."""
    return max(_proportional_kib(process) for process in _tree(root) if process != root) / 1024


def busy_seconds() -> float:
    """Return how long the processors of this machine have been busy, all together."""
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts = map(
        int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8]
    )
    return (user + nice + system + interrupts + soft_interrupts) / TICKS


def _tree(root: int | None) -> dict[int, list[str]]:
    """Return the fields of ``stat`` after the name, for each process of the tree."""
    fields = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
    tree = {root} & set(fields)
    while grown := {process for process, (_, parent, *_) in fields.items() if int(parent) in tree} - tree:
        tree |= grown
    return {process: fields[process] for process in tree if process is not None}


def _proportional_kib(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
