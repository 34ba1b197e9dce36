"""Statements that are compiled once for a database, and then executed with other values each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, cast

from sqlalchemy import BINARY, BindParameter, ClauseElement, Compiled, Engine, LargeBinary, Table, bindparam
from sqlalchemy.exc import StatementError

from flask_otpauth.adapters.sqlalchemy.psycopg_statements import PsycopgStatement, is_psycopg
from flask_otpauth.adapters.sqlalchemy.statements import CountAttribute, Row

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

Parameters = dict[str, object] | tuple[object, ...]
#: The rows of a statement, and how many rows it wrote.
Done = tuple[list[Row], int]


def new_value(table: Table, name: str) -> BindParameter[Any]:
    """Return the parameter of a statement for the new value of a column."""
    return bindparam(_new(name), type_=table.c[name].type)


def new_values(columns: Mapping[str, object]) -> dict[str, object]:
    """Return the values of such parameters, from the values of the columns by name."""
    return {_new(name): value for name, value in columns.items()}


@cache
def _new(column: str) -> str:
    return f"new_{column}"


def compiled_for(engine: Engine, statement: ClauseElement) -> Compiled:
    """Compile a statement for ``engine``, which can have other schemas than its tables say."""
    schemas = engine.get_execution_options().get("schema_translate_map")
    options = {"schema_translate_map": schemas, "render_schema_translate": True} if schemas else {}
    return statement.compile(dialect=engine.dialect, **options)


class PreparedExecutor(Protocol):
    """The database on which prepared statements are executed."""

    engine: Engine

    def execute(self, prepared: Prepared, parameters: Parameters) -> Done:
        """Return the rows and the number of rows of a statement."""


class Prepared:
    """
    A statement that is compiled once, for all requests.

    SQLAlchemy would look up the compiled statement and make a result object for each execution. Both
    take longer than the database needs for one row.
    """

    def __init__(
        self,
        database: PreparedExecutor,
        statement: ClauseElement,
        is_read: bool,
        counts: CountAttribute = "rowcount",
    ) -> None:
        dialect = database.engine.dialect
        compiled = cast("SQLCompiler", compiled_for(database.engine, statement))
        self._database = database
        #: Whether the statement changes nothing, so that it needs no commit.
        self.is_read = is_read
        #: The attribute of the driver's cursor that is returned as the count.
        self.counts = counts
        self.sql = str(compiled)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._constants = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        kinds = {name: bind.type.dialect_impl(dialect) for name, bind in binds.items()}
        # Drivers take bytes as they are. SQLAlchemy would wrap each value in an object of the driver.
        processors = {
            name: None if isinstance(kind, (LargeBinary, BINARY)) else kind.bind_processor(dialect)
            for name, kind in kinds.items()
        }
        self._converted = [(name, convert) for name, convert in processors.items() if convert]
        #: Executes the statement as a transaction of its own, if its driver has a fast way to do that.
        self.on_server = PsycopgStatement(self.sql, kinds) if is_psycopg(dialect) else None
        #: Takes the parameters in the order of the statement, if they have no names there.
        self._in_order = None if compiled.positiontup is None else _taking(compiled.positiontup)
        columns = getattr(statement, "exported_columns", ())
        results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        #: Asked of the statement, because psycopg would make an object for each column to say so.
        self.returns_rows = bool(results)
        self._results = [(place, convert) for place, convert in enumerate(results) if convert]

    def rows(self, **values: object) -> list[Row]:
        """Execute it. Return the rows, each with its columns in the order of the statement."""
        found, _ = self._database.execute(self, self._parameters(values))
        return [self._row(row) for row in found] if self._results else found

    def count(self, **values: object) -> int:
        """Execute it. Return how many rows were written."""
        return self._database.execute(self, self._parameters(values))[1]

    def _parameters(self, values: dict[str, object]) -> Parameters:
        given = {**self._constants, **values}
        try:
            for name, convert in self._converted:
                given[name] = convert(given[name])
        except Exception as error:
            # As SQLAlchemy does: a type of the host's may not take every value.
            raise StatementError(type(error).__name__, self.sql, None, error, hide_parameters=True) from error
        return given if self._in_order is None else self._in_order(given)

    def _row(self, row: Row) -> Row:
        columns = list(row)
        for place, convert in self._results:
            columns[place] = convert(columns[place])
        return tuple(columns)


def _taking(names: Sequence[str]) -> Callable[[dict[str, object]], tuple[object, ...]]:
    """Return a function that takes these values, in this order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)
