"""Rounds in which apps take turns, so that whatever else the machine does falls on all of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench import load
from bench.load import Cycle
from bench.processes import TICKS, busy_seconds, cpu_seconds
from bench.servers import Server

#: The share of the machine that other processes may use without a round being called disturbed.
QUIET = 0.06


@dataclass(frozen=True)
class Side:
    """One of the apps that are compared."""

    name: str
    server: Server
    cycle: Cycle


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int
    #: How long an app is measured in a round with each number of clients.
    seconds: float
    clients: tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """What an app did in one round with one number of clients. Milliseconds are per cycle."""

    side: str
    round: int
    clients: int
    per_second: float
    server_ms: float
    #: 0 if the database has no process of its own, or none that can be seen.
    database_ms: float
    load_ms: float
    #: How long each request of a cycle took: the median.
    request_ms: tuple[float, ...]
    #: How long 95 of 100 cycles took at most.
    p95_ms: float
    #: The share of the machine that other processes used.
    others: float

    @property
    def cpu_ms(self) -> float:
        """The CPU time of server and database."""
        return self.server_ms + self.database_ms


def take_turns(
    sides: Sequence[Side], plan: Plan, database: int | None, before: Callable[[], None] = lambda: None
) -> list[Sample]:
    """Measure the apps in rounds, and call ``before`` each round. Show the progress."""
    samples: list[Sample] = []
    for side in sides:
        load.run(side.server.port, side.cycle, 8, plan.seconds / 2)
    for number in range(plan.rounds):
        before()
        for clients in plan.clients:
            # Every second round in the other order.
            for side in sides[:: -1 if number % 2 else 1]:
                sample = _measure(side, number + 1, clients, plan.seconds, database)
                samples.append(sample)
                progress(_line(sample))
    return samples


def progress(line: str) -> None:
    """Show what has been done. The tables alone go to the standard output."""
    print(f"  {line}", file=sys.stderr, flush=True)


def table(samples: Sequence[Sample], unit: str) -> str:
    """Write the medians of all rounds, and its ratios to the first app in the same round, for each app."""
    sides = list(dict.fromkeys(sample.side for sample in samples))
    columns = ["", "clients", f"{unit}/s", f"speed, of {sides[0]}", f"CPU, of {sides[0]}"]
    columns += ["server CPU", "database CPU", "load CPU", "95 % within"]
    lines = [
        f"| {' | '.join(columns)} |",
        "| --- " * len(columns) + "|",
        *(
            _row(samples, side, sides[0], clients)
            for clients in dict.fromkeys(sample.clients for sample in samples)
            for side in sides
        ),
    ]
    return "\n".join([*lines, *disturbances(samples)])


def disturbances(samples: Sequence[Sample]) -> list[str]:
    """Return lines that say how often the machine did something else too. The progress shows when."""
    others = [sample.others for sample in samples if sample.others > QUIET]
    if not others:
        return []
    times = f"{len(others)} of {len(samples)} samples, and at most {max(others):.0%}"
    return ["", f"Other processes used more than {QUIET:.0%} of the machine in {times}."]


def ratios(
    samples: Sequence[Sample], side: str, first: str, clients: int, value: Callable[[Sample], float]
) -> list[float]:
    """Return the ratio of an app to the first app, for each round."""
    values = {(s.side, s.round): value(s) for s in samples if s.clients == clients}
    return [own / values[first, number] for (name, number), own in values.items() if name == side]


def spread(values: Sequence[float]) -> str:
    """Write the median of some ratios, the least and the greatest."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _measure(side: Side, number: int, clients: int, seconds: float, database: int | None) -> Sample:
    def used() -> tuple[float, float, float]:
        return cpu_seconds(side.server.process), cpu_seconds(database), busy_seconds()

    before = used()
    # Not the users who have just logged in.
    done = load.run(side.server.port, side.cycle, clients, seconds, first=number * 700)
    server, data, busy = (after - earlier for after, earlier in zip(used(), before, strict=True))
    cycles = len(done.requests)
    return Sample(
        side=side.name,
        round=number,
        clients=clients,
        per_second=cycles / done.seconds,
        # A short sample may see no tick of the kernel's clock, and a ratio needs one.
        server_ms=max(server, 1 / TICKS) * 1000 / cycles,
        database_ms=data * 1000 / cycles,
        load_ms=done.cpu_seconds * 1000 / cycles,
        request_ms=tuple(median(times) * 1000 for times in zip(*done.requests, strict=True)),
        p95_ms=sorted(map(sum, done.requests))[int(cycles * 0.95)] * 1000,
        others=max(0, busy - server - data - done.cpu_seconds) / done.seconds / (os.cpu_count() or 1),
    )


def _line(sample: Sample) -> str:
    text = (
        f"round {sample.round}, clients: {sample.clients}, {sample.side}: {sample.per_second:.0f}/s, "
        f"CPU: server {sample.server_ms:.2f} ms, database {sample.database_ms:.2f} ms"
    )
    return text + (f", DISTURBED: others used {sample.others:.0%}" if sample.others > QUIET else "")


def _row(samples: Sequence[Sample], side: str, first: str, clients: int) -> str:
    own = [s for s in samples if s.side == side and s.clients == clients]
    speed = ratios(samples, side, first, clients, lambda s: s.per_second)
    cpu = ratios(samples, side, first, clients, lambda s: s.cpu_ms)
    times = zip(*((s.server_ms, s.database_ms, s.load_ms, s.p95_ms) for s in own), strict=True)
    figures = [
        f"{median(s.per_second for s in own):.0f}",
        *map(spread, (speed, cpu)),
        *(f"{median(values):.2f} ms" for values in times),
    ]
    return f"| {' | '.join([side, str(clients), *figures])} |"
