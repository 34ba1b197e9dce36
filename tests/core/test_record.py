from __future__ import annotations

from dataclasses import field

from flask_otpauth.core.record import record, replace


@record
class Point:
    x: int
    name: str = field(default="", repr=False)


def test_records_with_equal_fields_are_equal() -> None:
    assert Point(1, "a") == Point(1, "a") != Point(1, "b")


def test_equal_records_are_one_key() -> None:
    assert len({Point(1, "a"), Point(1, "a"), Point(2, "a")}) == 2


def test_a_record_can_be_copied_with_changes_and_stays_as_it_is() -> None:
    point = Point(1, "a")

    assert (replace(point, x=2), point) == (Point(2, "a"), Point(1, "a"))


def test_a_record_hides_what_it_is_told_to() -> None:
    assert repr(Point(1, "secret")) == "Point(x=1)"
