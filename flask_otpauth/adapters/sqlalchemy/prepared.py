"""
Statements that are compiled once for a database, and then executed with other values each time.

On PostgreSQL, each connection of psycopg prepares them, and they are sent by the functions of libpq. A cursor
of psycopg parses a statement, counts how often it is used, looks up how each value is converted, and begins a
transaction unless the connection is in autocommit. For a statement that never changes, this takes about as
long as the database does. ``psycopg.pq`` is psycopg's documented interface to libpq.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from operator import itemgetter
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, Protocol, cast

from sqlalchemy import (
    BINARY,
    BindParameter,
    Boolean,
    ClauseElement,
    Compiled,
    Engine,
    LargeBinary,
    Table,
    bindparam,
)
from sqlalchemy.exc import StatementError

from flask_otpauth.adapters.sqlalchemy.dialects import dialect_of
from flask_otpauth.adapters.sqlalchemy.statements import CountAttribute, Row

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.abc import Transformer
    from psycopg.pq.abc import PGresult
    from sqlalchemy import Dialect
    from sqlalchemy.pool import PoolProxiedConnection
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine

#: A parameter in the SQL that SQLAlchemy compiled, or an escaped per cent sign.
_PARAMETER = re.compile(r"%\((\w+)\)s|%%")

#: The numbers of PostgreSQL's types. The server finds out the type of all other parameters, because
#: SQLAlchemy casts them.
_FOUND_OUT, _BOOLEAN, _BYTES = 0, 16, 17
_AS_TEXT, _AS_BYTES = 0, 1

#: SQLSTATEs that come before anything is done. The statement is not prepared any more, for example because
#: psycopg deallocates all statements after a rollback. Or a migration has changed the type of a column.
_GONE, _STALE = b"26000", b"0A000"
#: The beginning of the SQLSTATEs of a statement that cannot be prepared.
_WRONG_STATEMENT = b"42"
#: The uses of a statement with which a connection prepares it again: 16, 256, 4096 and so on.
_PREPARED_AGAIN = frozenset(16**power for power in range(1, 9))

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
        processors = {name: _processor(kind, dialect) for name, kind in kinds.items()}
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


def _processor(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], object] | None:
    """Return what converts a value of this type for the driver. ``None``: the driver takes it as it is."""
    if isinstance(kind, (LargeBinary, BINARY)):
        # SQLAlchemy would wrap each value in an object of the driver.
        return _as_bytearray if dialect_of(dialect.name).prefers_bytearray else None
    if isinstance(kind, Boolean) and dialect.supports_native_boolean:
        return None  # SQLAlchemy would only check that it is a boolean.
    return kind.bind_processor(dialect)


def _as_bytearray(value: bytes | None) -> bytearray | None:
    return None if value is None else bytearray(value)


def _taking(keys: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that takes the values at these keys or places, in this order."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda values: tuple(values[key] for key in keys)


def is_psycopg(dialect: Dialect) -> bool:
    """Return whether the driver of an engine is psycopg."""
    return dialect.driver == "psycopg" and not dialect.is_async


class _State:
    """What is kept with a connection of psycopg until it is closed."""

    __slots__ = ("_transformer", "connection", "uses")

    def __init__(self, connection: Any, transformer: Transformer) -> None:
        self.connection = connection
        #: How often each statement was executed before it was prepared, by its name.
        self.uses: dict[bytes, int] = {}
        #: Finds out once how a type is converted, which takes longer than to convert a row.
        self._transformer = transformer

    def rows(self, result: PGresult) -> list[Row]:
        """Return the rows, with each column converted as the connection does."""
        self._transformer.set_pgresult(result)
        rows: list[Row] = self._transformer.load_rows(0, result.ntuples, tuple)
        # The result holds what it has read, such as addresses.
        self._transformer.set_pgresult(None)
        return rows


class PsycopgStatement:
    """
    A statement that is prepared once on each connection that often executes it.

    ``sql`` is in the words of SQLAlchemy's dialect, and ``kinds`` are the types of its parameters by name.
    """

    def __init__(self, sql: str, kinds: Mapping[str, TypeEngine[Any]]) -> None:
        import psycopg
        from psycopg import adapt, errors, generators, pq, waiting

        self._connection, self._cursor = psycopg.Connection, psycopg.Cursor
        self._transformer, self._error_of = adapt.Transformer, errors.error_from_result
        self._execution, self._sqlstate = generators.execute, pq.DiagnosticField.SQLSTATE
        #: Whether psycopg waits in C, and not by what it takes for greenlets.
        self._waits_in_c = waiting.wait is getattr(waiting, "wait_c", None)
        self._idle, self._failed = pq.TransactionStatus.IDLE, pq.ExecStatus.FATAL_ERROR
        names = list(dict.fromkeys(name for name in _PARAMETER.findall(sql) if name))
        places = {name: f"${place}" for place, name in enumerate(names, 1)}
        self._sql = _PARAMETER.sub(lambda found: places.get(found[1], "%"), sql).encode()
        self._types = [_type_of(kinds[name]) for name in names]
        self._formats = [_AS_BYTES if each == _BYTES else _AS_TEXT for each in self._types]
        self._take = _taking(names)
        self._take_texts = _taking([place for place, each in enumerate(self._formats) if each == _AS_TEXT])
        # Each name has one meaning, because a PgBouncer may give a connection to several processes.
        self._name = f"otpauth_{sha256(repr((self._sql, self._types)).encode()).hexdigest()[:32]}".encode()

    def execute(
        self, pooled: PoolProxiedConnection, values: Mapping[str, object]
    ) -> tuple[list[Row], int] | None:
        """
        Execute it as a transaction of its own. Return its rows, and how many it wrote.

        ``None``: nothing was done, because only psycopg's cursor can do it.
        """
        parameters = self._parameters(values)
        state = self._state(pooled)
        if parameters is None or state is None or not self._is_prepared(state):
            return None
        result = self._executed(state.connection, parameters)
        if result.status != self._failed:
            return state.rows(result), result.command_tuples or 0
        sqlstate = result.error_field(self._sqlstate)
        if sqlstate not in (_GONE, _STALE):
            raise self._error_of(result)
        del state.uses[self._name]
        if sqlstate == _STALE:
            self._deallocate(state)
        return None

    def _state(self, pooled: PoolProxiedConnection) -> _State | None:
        """Return what is kept with a connection. ``None``: it cannot be used without psycopg's cursor."""
        info = pooled.info
        state: _State | None = info.get(_State)
        if state is None:
            connection: Any = pooled.driver_connection
            if type(connection) is not self._connection:
                return None
            state = info[_State] = _State(connection, self._transformer(connection))
        return state if self._is_ready(state.connection) else None

    def _is_prepared(self, state: _State) -> bool:
        """
        Return whether the connection has prepared the statement, which it does at the second use.

        Before that it would not pay, because a pool can open a connection for each statement. psycopg waits
        longer, because it knows of no statement that it is one of a few which every request executes.

        Later it prepares it again. PostgreSQL keeps a plan that it made for an empty table until somebody
        analyzes the table, so that each request reads all of its rows. But it does so seldom, because
        PostgreSQL then makes a plan for each of the next six uses, which takes longer than to execute it.
        """
        first = min(state.connection.prepare_threshold, 1) + 1
        uses = state.uses[self._name] = state.uses.get(self._name, 0) + 1
        if uses < first:
            return False
        if uses == first:
            return self._prepare(state)
        if uses not in _PREPARED_AGAIN:
            return True
        self._deallocate(state)
        return self._prepare(state)

    def _prepare(self, state: _State) -> bool:
        """Prepare the statement. Return ``False`` if only psycopg's cursor can execute it."""
        state.connection.pgconn.send_prepare(self._name, self._sql, self._types)
        result = self._answer(state.connection)
        if result.status != self._failed:
            return True
        del state.uses[self._name]
        if not (result.error_field(self._sqlstate) or b"").startswith(_WRONG_STATEMENT):
            raise self._error_of(result)
        return False

    def _deallocate(self, state: _State) -> None:
        """Let the server forget the statement, if it knows it."""
        state.connection.pgconn.send_query(b"DEALLOCATE " + self._name)
        self._answer(state.connection)

    def _parameters(self, values: Mapping[str, object]) -> list[bytes | None] | None:
        """Return the values as they are sent, or ``None`` if one of them cannot be sent like that."""
        wanted = self._take(values)
        try:
            sent = [_SENT[type(value)](value) for value in wanted]
        except (KeyError, UnicodeEncodeError):
            return None
        # libpq would cut off a text at a NUL.
        return None if 0 in b"".join(filter(None, self._take_texts(sent))) else sent

    def _is_ready(self, connection: Connection) -> bool:
        """
        Return whether a connection of psycopg can now be used without a cursor.

        A host can have cursors of its own, for example those of an APM. No transaction may be open, because
        the pool would undo the statement with it. Without a threshold the host wants nothing prepared, for
        example because of PgBouncer.
        """
        server = connection.pgconn
        return (
            connection.cursor_factory is self._cursor
            and server.transaction_status == self._idle
            and connection.prepare_threshold is not None
            and server.parameter_status(b"client_encoding") == b"UTF8"
        )

    def _executed(self, connection: Any, parameters: Sequence[bytes | None]) -> PGresult:
        """
        Execute the statement that is prepared.

        An interrupt reaches the main thread only. Any other thread waits in libpq, which releases the
        interpreter's lock once, and not for each step.
        """
        if self._waits_in_c and current_thread() is not main_thread():
            waited: PGresult = connection.pgconn.exec_prepared(self._name, parameters, self._formats)
            return waited
        connection.pgconn.send_query_prepared(self._name, parameters, self._formats)
        return self._answer(connection)

    def _answer(self, connection: Connection) -> PGresult:
        """Wait for the answer as psycopg does, which lets other greenlets run and an interrupt through."""
        results: list[PGresult] = connection.wait(self._execution(connection.pgconn))
        return results[-1]


#: How a value is sent. Values of other types are left to psycopg's cursor.
_SENT: Mapping[type, Callable[[Any], bytes | None]] = {
    str: str.encode,
    int: b"%d".__mod__,
    bytes: bytes,
    bool: {True: b"t", False: b"f"}.__getitem__,
    type(None): {None: None}.__getitem__,
}


def _type_of(kind: TypeEngine[Any]) -> int:
    if isinstance(kind, (LargeBinary, BINARY)):
        return _BYTES
    return _BOOLEAN if isinstance(kind, Boolean) else _FOUND_OUT
