"""The guarantees hold under load and faults, and the harness finds a storage that reads and then writes."""

from __future__ import annotations

import re

import pytest

from tests.faults import report
from tests.faults.__main__ import main
from tests.faults.guarantees import BACK, GUARANTEES
from tests.faults.races import Races
from tests.faults.stores import STORES, Store
from tests.services import need

SECONDS = 0.4


def printed(capsys: pytest.CaptureFixture[str], store: str) -> dict[str, str]:
    """What the command has printed about a store, by row."""
    header, _, *rows = report.rows_of(capsys.readouterr().out)
    return {row[0]: row[header.index(store)] for row in rows}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_every_guarantee_holds_under_load_whatever_fails(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    need(f"{store.name} that a test can start", store.is_here)

    status = main(["--stores", store.name, "--seconds", str(SECONDS), "--races", "0"])

    cells = printed(capsys, store.name)
    assert [row for row, cell in cells.items() if re.fullmatch(r"[\d,]+ / .*[1-9].*", cell)] == []
    checked = [*(each.says for each in GUARANTEES), BACK, "none", "workers are killed with SIGKILL"]
    assert [row for row in checked if not re.fullmatch(r"[\d,]+ / 0", cells[row])] == []
    assert status == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("operation", "violated"),
    [
        ("redeem", "a code is accepted at most once"),
        ("guesses", "each wrong guess is counted, once"),
        ("issue", "no recipient gets more codes than the quota"),
    ],
)
def test_an_operation_that_reads_and_then_writes_is_found(
    operation: str, violated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--stores", "SQLite", "--faults", "none", "--seconds", str(SECONDS)]

    status = main([*options, "--planted", operation])

    assert status == 1
    assert f"VIOLATION on SQLite: {violated}" in capsys.readouterr().err


# -- the table on the page ----------------------------------------------------------------------


def test_the_page_shows_the_table_as_the_command_prints_it() -> None:
    shown, printed = report.rows_of(report.on_the_page()), report.rows_of(report.table({}, Races()))
    races = [row[0] for row in printed].index(f"**{report.parts({}, Races())[-1].heading}**") + 1

    assert shown[:2] == printed[:2]
    assert [row[0] for row in shown[:races]] == [row[0] for row in printed[:races]]
    # A race that is newer than the last run of the command is not on the page yet.
    assert {row[0] for row in shown[races:]} <= {row[0] for row in printed[races:]}


def test_the_page_shows_no_violation_and_something_in_each_row() -> None:
    rows = [row for row in report.rows_of(report.on_the_page())[2:] if not row[0].startswith("**")]
    cells = [cell for row in rows for cell in row[1:]]

    assert [cell for cell in cells if not re.fullmatch(rf"[\d,]+ / 0|{report.NOTHING}", cell)] == []
    assert [row[0] for row in rows if set(row[1:]) == {report.NOTHING}] == []
