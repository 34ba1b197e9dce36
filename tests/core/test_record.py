from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, dataclass, field
from dataclasses import replace as replace_field
from functools import cached_property

import pytest

from flask_otpauth.core.record import frozen, record, replace


@record
class Point:
    x: int
    name: str = field(default="", repr=False)


@frozen
class Circle:
    center: Point
    radius: int = 1
    seen: list[int] = field(default_factory=list, compare=False, repr=False)

    @cached_property
    def diameter(self) -> int:
        return 2 * self.radius


@frozen
class Named(Circle):
    name: str = "circle"

    def __repr__(self) -> str:
        return self.name


@frozen
class Empty:
    pass


def test_records_with_equal_fields_are_equal() -> None:
    assert Point(1, "a") == Point(1, "a") != Point(1, "b")


def test_equal_records_are_one_key() -> None:
    assert len({Point(1, "a"), Point(1, "a"), Point(2, "a")}) == 2


def test_a_record_can_be_copied_with_changes_and_stays_as_it_is() -> None:
    point = Point(1, "a")

    assert (replace(point, x=2), point) == (Point(2, "a"), Point(1, "a"))


def test_a_record_hides_what_it_is_told_to() -> None:
    assert repr(Point(1, "secret")) == "Point(x=1)"


def test_values_of_two_classes_are_not_equal() -> None:
    assert Circle(Point(1)) != Named(Circle(Point(1)).center)
    assert Circle(Point(1)) != (Point(1), 1)


def test_what_is_not_compared_makes_no_difference() -> None:
    assert Circle(Point(1), seen=[1]) == Circle(Point(1), seen=[2])
    assert hash(Circle(Point(1), seen=[1])) == hash(Circle(Point(1), seen=[2]))


def test_a_class_without_fields_has_one_value() -> None:
    assert Empty() == Empty()
    assert len({Empty(), Empty()}) == 1


def test_a_value_looks_like_that_of_a_dataclass() -> None:
    @dataclass(frozen=True)
    class Pair:
        left: int
        right: str

    ours = frozen(type("Pair", (), {"__annotations__": {"left": "int", "right": "str"}}))

    assert repr(ours(1, "a")) == repr(Pair(1, "a")).rpartition(".")[2]
    assert repr(Circle(Point(1))) == "Circle(center=Point(x=1), radius=1)"
    assert repr(Named(Point(1))) == "circle"


@pytest.mark.parametrize("name", ["radius", "center", "seen", "raduis"])
def test_a_frozen_value_refuses_an_assignment(name: str) -> None:
    circle = Circle(Point(1))

    with pytest.raises(FrozenInstanceError, match=name):
        setattr(circle, name, None)
    with pytest.raises(FrozenInstanceError, match=name):
        delattr(circle, name)

    assert circle == Circle(Point(1))


def test_a_frozen_value_can_keep_what_it_has_computed() -> None:
    circle = Circle(Point(1), 3)

    assert [circle.diameter, circle.diameter] == [6, 6]


def test_a_frozen_value_can_be_copied_by_all_means() -> None:
    circle = Circle(Point(1), 3)

    assert replace(circle, radius=4) == replace_field(circle, radius=4) == Circle(Point(1), 4)
    assert pickle.loads(pickle.dumps(circle)) == circle
