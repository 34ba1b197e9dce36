"""
``python -m tests.faults``: causes each fault under load, runs the races, and prints what was violated.

It prints its progress, and then the table of ``docs/operations.md``. It fails if a guarantee was violated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import cycle
from time import monotonic

from tests.faults import report
from tests.faults.faults import FAULTS
from tests.faults.harness import Tally, harness
from tests.faults.planted import PLANTED
from tests.faults.races import Races
from tests.faults.stores import STORES, Store


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    here = [store.name for store in STORES if store.is_here]
    add = parser.add_argument
    add("--minutes", type=float, default=0.0, help="repeat the faults for so long; default: once each")
    add("--seconds", type=float, default=0.8, help="how long a fault lasts")
    add("--stores", nargs="+", choices=here, default=here)
    add("--faults", nargs="+", choices=[fault.says for fault in FAULTS], metavar="FAULT", help="only these")
    add("--races", type=int, default=1, help="how often all races are run")
    add("--planted", choices=PLANTED, default="", help="let this operation read and then write; no races")
    add("--write", action="store_true", help=f"put the table into {report.PAGE.name}")
    return parser.parse_args(arguments)


def _say(line: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")


def _load(store: Store, options: argparse.Namespace) -> Tally:
    """Cause the faults, each once and then again until the time is over."""
    tally, end = Tally(), monotonic() + 60 * options.minutes / len(options.stores)
    wanted = [fault for fault in FAULTS if options.faults is None or fault.says in options.faults]
    with harness(store, tally, options.planted) as running:
        possible = [fault for fault in wanted if fault.is_possible_on(running.site.store)]
        for turn, fault in enumerate(cycle(possible)):
            if turn >= len(possible) and monotonic() >= end:
                return tally
            running.cause(fault, options.seconds)
            _say(f"{store.name}: {fault.says} ({tally.faults[fault.says]}): {len(tally.findings)} violations")
    return tally


def main(arguments: Sequence[str]) -> int:
    """Run it. Return 1 if a guarantee was violated."""
    options = _options(arguments)
    tallies = {store.name: _load(store, options) for store in STORES if store.name in options.stores}
    races = Races()
    for turn in range(0 if options.planted else options.races):
        _say(f"all races, time {turn + 1} of {options.races}")
        races.run(["memory", *options.stores])
    for store, tally in tallies.items():
        for finding in tally.findings[:20]:
            _say(f"VIOLATION on {store}: {finding}")
    table = report.table(tallies, races)
    sys.stdout.write(f"{table}\n")
    if options.write:
        report.write(table)
    violated = any(tally.findings for tally in tallies.values()) or races.violations.total()
    return 1 if violated else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
