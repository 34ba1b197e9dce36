"""Workflows: which texts are one, and when each step is due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flask_otpauth.core.workflows import Step, parse_steps, problems, starts

WORKFLOW = ("sms 40s", "whatsapp 2m", "voice")


def test_a_step_has_a_channel_and_the_time_until_the_next_one() -> None:
    assert parse_steps(WORKFLOW) == (
        Step("sms", timedelta(seconds=40)),
        Step("whatsapp", timedelta(minutes=2)),
        Step("voice"),
    )


def test_a_step_is_due_when_the_steps_before_it_have_waited() -> None:
    assert starts(parse_steps(WORKFLOW)) == [timedelta(seconds=each) for each in (0, 40, 160)]


def test_a_step_is_shown_as_it_is_written() -> None:
    assert [str(step) for step in parse_steps(WORKFLOW)] == ["sms 40s", "whatsapp 120s", "voice"]


def test_no_texts_are_no_workflow() -> None:
    assert parse_steps(()) == ()
    assert problems((), timedelta(seconds=300), ("sms",)) == []


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (("sms 40s",), "at least two steps"),
        (("sms", "voice"), "'sms' does not say how long"),
        (("sms 40s", "voice 40s"), "after 'voice 40s' there is no step"),
        (("sms 0s", "voice"), "waits for no time"),
        (("fax 40s", "voice"), "'fax' cannot be a step"),
        (("email 40s", "voice"), "'email' cannot be a step"),
        (("sms 40s", "flashcall"), "its code is the number that calls"),
        (("sms 40", "voice"), "is not a step"),
        (("sms  40s", "voice"), "is not a step"),
        (("SMS 40s", "voice"), "is not a step"),
        (("sms -4s", "voice"), "is not a step"),
        (("sms 40s", ""), "is not a step"),
        (("sms ٤s", "voice"), "is not a step"),
    ],
)
def test_texts_that_are_no_workflow_are_refused(texts: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_steps(texts)


def test_the_last_step_must_start_before_the_code_expires() -> None:
    steps = parse_steps(WORKFLOW)

    assert problems(steps, timedelta(seconds=161), ("sms",)) == []
    assert problems(steps, timedelta(seconds=160), ("sms",)) == [
        "the last step starts after 160 seconds, and the code is valid for 160 (CODE_TTL)"
    ]


def test_the_first_step_must_be_a_channel_of_the_flow() -> None:
    assert problems(parse_steps(WORKFLOW), timedelta(seconds=300), ("whatsapp", "voice")) == [
        "the first step must be one of whatsapp, voice"
    ]
