from __future__ import annotations

from dataclasses import replace

import pytest

from flask_otpauth.core.sessions import Refresh, Rotation, Session, judge_refresh, rotated

NOW = 1_732_190_400_000
DAY = 86_400_000
SESSION = Session("s", "u", authenticated_at=NOW, rotated_at=NOW, ends_at=NOW + 1_000, generation=5)


def refresh(generation: int, later_ms: int = 0) -> Refresh:
    return Refresh("s", generation, NOW + later_ms, token_ttl_ms=500, grace_ms=10)


@pytest.mark.parametrize(
    ("generation", "later_ms", "expected"),
    [
        (5, 0, Rotation.ROTATED),
        (5, 499, Rotation.ROTATED),
        (5, 500, Rotation.DEAD),
        (5, -9, Rotation.ROTATED),
        (4, 9, Rotation.REPEATED),
        (4, -9, Rotation.REPEATED),
        (4, -10, Rotation.REUSED),
        (4, 10, Rotation.REUSED),
        (4, 499, Rotation.REUSED),
        (3, 0, Rotation.REUSED),
        (0, 999, Rotation.REUSED),
        (6, 0, Rotation.DEAD),
        (5, 1_000, Rotation.DEAD),
        (4, 1_000, Rotation.DEAD),
    ],
)
def test_a_refresh_token_is_worth_what_its_generation_and_age_say(
    generation: int, later_ms: int, expected: Rotation
) -> None:
    assert judge_refresh(SESSION, refresh(generation, later_ms)) is expected


def test_no_token_of_a_closed_or_unknown_session_is_worth_anything() -> None:
    assert judge_refresh(None, refresh(5)) is Rotation.DEAD
    assert judge_refresh(replace(SESSION, closed_at=NOW), refresh(5)) is Rotation.DEAD
    assert judge_refresh(replace(SESSION, closed_at=NOW), refresh(3)) is Rotation.DEAD


def test_without_a_grace_no_clock_takes_a_spent_token() -> None:
    behind = replace(refresh(4, -2_000), grace_ms=0)

    assert judge_refresh(SESSION, behind) is Rotation.REUSED


@pytest.mark.parametrize(
    ("later_ms", "live"),
    [(0, True), (999, True), (1_000, False), (-DAY, True), (-DAY - 1, False)],
)
def test_a_session_lives_until_its_very_end(later_ms: int, live: bool) -> None:
    assert SESSION.is_live(NOW + later_ms) is live


def test_a_rotation_changes_nothing_but_the_token() -> None:
    assert rotated(SESSION, NOW + 7) == replace(SESSION, generation=6, rotated_at=NOW + 7)
