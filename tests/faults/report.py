"""The table of ``docs/operations.md``: what was checked on each store, how often, and what was violated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.guarantees import BACK, GUARANTEES
from tests.faults.harness import Tally
from tests.faults.races import STORES, Races, names

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_BEGIN, _END = "<!-- `python -m tests.faults --write` writes what is from here -->", "<!-- to here -->"
_TABLE = re.compile(f"(?<={re.escape(_BEGIN)}\n\n).*?(?=\n\n{re.escape(_END)})", re.DOTALL)

COLUMNS = tuple(STORES.values())
#: The store does not have this, or it was not run.
NOTHING = "–"


@dataclass(frozen=True)
class Part:
    """Rows of the table."""

    heading: str
    rows: Sequence[str]
    #: Returns how often, and the number of violations, for a row and a store.
    counted: Callable[[str, str], tuple[int, int]]


def parts(tallies: Mapping[str, Tally], races: Races) -> tuple[Part, ...]:
    """The parts of the table."""
    every = {store: tallies.get(store, Tally()) for store in COLUMNS}
    return (
        Part(
            "guarantee, under load (checks / violations)",
            [*(each.says for each in GUARANTEES), BACK],
            lambda row, store: (every[store].checks[row], every[store].violations[row]),
        ),
        Part(
            "fault, under load (times / violations)",
            [fault.says for fault in FAULTS],
            lambda row, store: (every[store].faults[row], every[store].violations_under[row]),
        ),
        Part(
            "race (times / violations)",
            names(),
            lambda row, store: (races.runs[row, store], races.violations[row, store]),
        ),
    )


def table(tallies: Mapping[str, Tally], races: Races) -> str:
    """The table in Markdown."""
    lines = [_line("", COLUMNS), _line("---", ["---:"] * len(COLUMNS))]
    for part in parts(tallies, races):
        lines.append(_line(f"**{part.heading}**", [""] * len(COLUMNS)))
        lines += [_line(row, [_cell(*part.counted(row, store)) for store in COLUMNS]) for row in part.rows]
    return "\n".join(lines)


def _cell(times: int, violations: int) -> str:
    return f"{times:,} / {violations:,}" if times else NOTHING


def _line(label: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join([label, *cells])} |"


def rows_of(text: str) -> list[list[str]]:
    """The rows of a table, each with its cells."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def on_the_page() -> str:
    """The table that the page shows."""
    (found,) = _TABLE.findall(PAGE.read_text("utf-8"))
    return str(found)


def write(text: str) -> None:
    """Show ``text`` on the page in the place of its table."""
    PAGE.write_text(PAGE.read_text("utf-8").replace(on_the_page(), text), "utf-8")
