"""
Measure what flask_otpauth costs, beside the same login written by hand.

    python -m bench                      everything, in less than five minutes
    python -m bench --parts logins --databases postgresql --rounds 5 --seconds 10

The part costs counts what each request costs the database, and protected measures requests of logged-in
users. The results go to the standard output, and the progress to the standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from bench import cold_start, costs, growth, logins, protected
from bench.databases import KINDS, Unavailable
from bench.machine import describe
from bench.rounds import Plan

PARTS = ("costs", "logins", "protected", "growth", "cold-start")


def main(arguments: list[str] | None = None) -> None:
    """Run the parts that are asked for."""
    options = _options(arguments)
    print(f"{describe(options.databases)}\n", flush=True)
    for title, part in _parts(options):
        print(f"## {title}\n", flush=True)
        try:
            for block in part:
                print(f"{block}\n", flush=True)
        except Unavailable as reason:
            print(f"Not measured: {reason}.\n", flush=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each app in each round")
    parser.add_argument("--clients", type=int, nargs="+", default=(8, 32), help="at the same time")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=(10**4, 10**5, 10**6), help="in each table, for growth"
    )
    parser.add_argument("--starts", type=int, default=15, help="of each process, for cold-start")
    return parser.parse_args(arguments)


def _parts(options: argparse.Namespace) -> Iterator[tuple[str, Iterator[str]]]:
    plan = Plan(options.rounds, options.seconds, tuple(options.clients))
    for kind in options.databases:
        if "costs" in options.parts:
            yield f"Statements / commits / round trips of a request, {kind}", costs.measure(kind)
        if "logins" in options.parts:
            yield f"Logins, {kind}", logins.measure(kind, plan)
        if "protected" in options.parts:
            yield f"Two requests of a logged-in user, {kind}", protected.measure(kind, plan)
    if "growth" in options.parts:
        yield "Growth, postgresql", growth.measure(options.rows, plan)
    if "cold-start" in options.parts:
        yield "Cold start", cold_start.measure(options.starts)


if __name__ == "__main__":
    main()
