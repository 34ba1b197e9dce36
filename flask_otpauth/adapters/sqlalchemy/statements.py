"""What a store does to rows, as data. Each dialect makes statements of it that its database can execute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import Alias, ClauseElement, Column, ColumnElement, Select, Table
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from flask_otpauth.core.record import frozen

T = TypeVar("T")

#: The attribute of the driver's cursor that is a count.
CountAttribute = Literal["rowcount", "lastrowid"]
#: Columns by name.
Columns = ReadOnlyColumnCollection[str, Column[Any]]
#: A row: its columns in the order of the statement.
Row = tuple[Any, ...]
#: The new values of columns by name. All of them are computed from the row before.
Changes = Mapping[str, object]


class Statement(Protocol):
    """What is executed with values: one statement, or a few that are one step."""

    def rows(self, **values: object) -> list[Row]:
        """Execute it. Return the rows, each with its columns in the order of the statement."""

    def count(self, **values: object) -> int:
        """Execute it. Return how many rows were written."""


class Executor(Protocol):
    """Executes statements on a database."""

    def prepare(self, statement: ClauseElement, *, counts: CountAttribute = "rowcount") -> Statement:
        """Compile a statement. ``counts`` is the attribute of the driver's cursor with its count."""

    def atomically(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns. All of it is one transaction."""


@frozen
class Change:
    """An update of the rows that meet a condition."""

    table: Table | Alias[Columns]
    which: ColumnElement[bool]
    changes: Changes
    #: What is returned of each row, as it is afterwards.
    returning: tuple[Column[Any], ...] = ()
    #: The keys of the only rows that are looked at. They are locked first, in the order of this query.
    locked: Select[Row] | None = None


@frozen
class Upsert:
    """An insert of a row. If a row with its key is there, that row is changed instead, if it may be."""

    table: Table
    #: The new row.
    row: Mapping[str, ColumnElement[Any]]
    #: The names of the columns that are unique together.
    key: tuple[str, ...]
    #: Returns the changes of the row that is there. Its argument has the columns of the new row.
    changes: Callable[[Mapping[str, ColumnElement[Any]]], Changes] = lambda new: {}
    #: The condition on the row that is there. ``None`` means that it may always be changed.
    condition: ColumnElement[bool] | None = None
    #: The name of a changed column whose new value is unlike all before, so that it tells of the change.
    stamp: str | None = None
    #: What is returned of the row that was inserted or changed, as it is afterwards.
    returning: tuple[Column[Any], ...] = ()


@frozen
class Deletion:
    """A deletion of the rows whose keys a query returns. It locks them first, in its order."""

    table: Table
    locked: Select[Row]
    #: A condition that all these rows meet. It says again where they are, so that no database looks for the
    #: keys in the whole table.
    near: ColumnElement[bool] | None = None
