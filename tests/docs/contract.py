"""What the pages of the wire contract say, as tests need it: headings, and the rows of the error tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_otpauth.web.flow import Flow, Operation

CONTRACT = Path(__file__).parents[2] / "docs" / "contract"

_HEADING = re.compile("^#+ (.+)$", re.MULTILINE)
_TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
_QUOTED = re.compile("`([^`]+)`")
#: The columns of a table of errors that show nothing of the body.
_ABOUT = frozenset({"error", "HTTP", "when", "counted"})


@dataclass(frozen=True)
class Row:
    """A row of a table: its cells by the headings of their columns."""

    cells: dict[str, str]

    @property
    def error(self) -> str:
        """The stable code of the error."""
        return self.cells["error"].strip("`")

    def fits(self, error: str, status: int, body: Collection[str]) -> bool:
        """Whether the row is about this error, has this HTTP status, and shows only what is in the body."""
        cells = [cell for column, cell in self.cells.items() if column not in _ABOUT]
        shown = {text for cell in cells for text in _QUOTED.findall(cell)}
        return self.error == error and int(self.cells["HTTP"]) == status and shown.issubset(body)


def headings(page: str) -> list[str]:
    """The headings of a page."""
    return _HEADING.findall(_text(page))


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    _, *parts = _HEADING.split(_text(page))
    return dict(zip(parts[::2], parts[1::2], strict=True))[heading]


def errors_below(page: str, heading: str) -> list[Row]:
    """The rows of the tables of errors below a heading."""
    return [row for row in _rows(section(page, heading)) if "error" in row.cells]


def errors_of_every_path(flow: str) -> list[Row]:
    """The rows of the table of errors that every path has; a cell begins with the HTTP status."""
    found = [(row.error, row.cells[flow]) for row in errors_below("index", "Errors")]
    return [Row({"error": error, "HTTP": cell.split()[0], "body": cell}) for error, cell in found]


def sections_of(flow: Flow[Any, Any]) -> dict[str, Operation[Any, Any]]:
    """The operations of a flow by the headings that the contract has for them."""
    settings = flow.settings()
    found = {}
    for part in flow.parts:
        for each in part.operations:
            path = f"{part.prefix(settings)}{each.path}".removeprefix(settings.url_prefix)
            found[each.method + " " + _VARIABLE.sub(r"{\1}", path)] = each
    return found


def part_of(flow: Flow[Any, Any], operation: Operation[Any, Any]) -> Flow[Any, Any]:
    """The part of a flow, itself or a companion, that has the operation."""
    return next(part for part in flow.parts if operation in part.operations)


def errors_of(flow: Flow[Any, Any], heading: str) -> list[Row]:
    """The errors that the contract has for a path."""
    operation = sections_of(flow)[heading]
    rows = errors_below(flow.name, heading)
    if operation.credential is not None:
        rows += errors_below(flow.name, "Authentication")
    is_companion = part_of(flow, operation) is not flow
    return rows if is_companion else rows + errors_of_every_path(flow.name)


def _text(page: str) -> str:
    return (CONTRACT / f"{page}.md").read_text("utf-8")


def _rows(text: str) -> Iterator[Row]:
    for table in _TABLE.findall(text):
        head, _, *lines = (re.split(r"\s*\|\s*", line.strip())[1:-1] for line in table.splitlines())
        columns = [name.strip("`") for name in head]
        yield from (Row(dict(zip(columns, cells, strict=True))) for cells in lines)
