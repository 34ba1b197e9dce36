"""The controls of the app under load."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.app import Clock, Place


@pytest.mark.parametrize(("written", "step_hours"), [(None, 0), ("", 0), ("3600", 1), ("-3600", -1)])
def test_a_clock_is_stepped_while_its_control_says_so(
    written: str | None, step_hours: int, tmp_path: Path
) -> None:
    place = Place(str(tmp_path), "sqlite://")
    if written is not None:
        place.control(f"clock.{os.getpid()}").write_text(written)

    step = Clock(place)() - datetime.now(UTC)

    assert round(step / timedelta(hours=1)) == step_hours
