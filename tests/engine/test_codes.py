"""Issuing and redeeming codes without Flask, on a storage in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from flask_otpauth.adapters.delivery import InlineDelivery
from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.core import errors
from flask_otpauth.core.circuits import CircuitPolicy
from flask_otpauth.core.instants import DAY
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.policies import Policy, Quota
from flask_otpauth.core.routes import RouteKey
from flask_otpauth.engine.codes import Codes, IssueOptions, Target
from flask_otpauth.engine.messenger import Draft, MessageSettings, Messenger
from flask_otpauth.engine.router import NamedSender, Route, Router
from flask_otpauth.senders import MemorySender, Message, Receipt, Status
from flask_otpauth.testing import MovableClock
from tests.codes import another

POLICY = Policy("scope", cooldown=timedelta(seconds=90), send_quotas=(Quota(3, DAY),))
FREE = Policy("scope")
TARGET = Target("login", "+84987654321")
DRAFT = Draft("sms", "+84987654321", purpose="login")


class PlainTemplates:
    """Templates with these names."""

    def __init__(self, *known: str) -> None:
        self.known = known

    def has(self, name: str) -> bool:
        return name in self.known

    def render(self, name: str, values: Any) -> str | None:
        return f"{name}: {values['code']}" if self.has(name) else None


@dataclass
class Heard:
    """The events that were reported."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))

    def names(self) -> list[str]:
        """Return the names of the events."""
        return [name for name, _ in self.events]


@dataclass
class Stage:
    """An engine and its ports."""

    clock: MovableClock
    sender: MemorySender
    heard: Heard
    codes: Codes

    def send(self, policy: Policy = FREE, target: Target = TARGET, draft: Draft = DRAFT) -> str:
        """Send a code. Return the code in the message."""
        self.codes.send(policy, target, draft)
        return self.sender.messages[-1].code

    def redeem(self, code: str, policy: Policy = FREE, target: Target = TARGET) -> str:
        """Redeem a code. Return the code of the refusal; an empty text if there is none."""
        try:
            self.codes.redeem(policy, target, code)
        except errors.Refusal as refusal:
            return refusal.code
        return ""


def staged(
    answer: Callable[[Message], Receipt] | None = None, templates: PlainTemplates | None = None
) -> Stage:
    """Return an engine on a storage in memory."""
    clock, sender, heard, storage = MovableClock(), MemorySender(answer), Heard(), MemoryStorage()
    keys_of_routes = [RouteKey(channel) for channel in ("sms", "flashcall", "email")]
    routes = {key: Route(key, (NamedSender("memory", sender),)) for key in keys_of_routes}
    router = Router(routes, storage.circuits, CircuitPolicy(), clock, heard)
    known = templates or PlainTemplates("otpauth/sms/code.en.txt")
    post = Messenger(router, InlineDelivery(), known, storage, clock, heard, MessageSettings("Shop"))
    keys = KeyRing((b"k" * 32,), b"s" * 32)
    return Stage(clock, sender, heard, Codes(storage, keys, post, clock, heard))


@pytest.fixture
def stage() -> Stage:
    return staged()


def test_what_is_redeemed_in_a_transaction_stands_or_falls_with_the_code(stage: Stage) -> None:
    code = stage.send()

    def effect() -> None:
        raise RuntimeError("the effect failed")

    with pytest.raises(RuntimeError):
        stage.codes.redeem(FREE, TARGET, code, effect)

    assert stage.codes.redeem(FREE, TARGET, code, lambda: "opened") == "opened"
    assert stage.redeem(code) == "code_used"


def test_no_effect_without_the_right_code(stage: Stage) -> None:
    code = stage.send()
    effects: list[str] = []

    for guess in (another(code), "12", ""):
        with pytest.raises(errors.CodeWrong):
            stage.codes.redeem(FREE, TARGET, guess, lambda: effects.append("ran"))

    assert effects == []


def test_a_right_code_that_was_used_or_has_expired_has_no_effect(stage: Stage) -> None:
    effects: list[str] = []
    used = stage.send()
    stage.codes.redeem(FREE, TARGET, used)

    with pytest.raises(errors.CodeUsed):
        stage.codes.redeem(FREE, TARGET, used, lambda: effects.append("ran"))
    expired = stage.send()
    stage.clock.tick(days=1)
    with pytest.raises(errors.CodeExpired):
        stage.codes.redeem(FREE, TARGET, expired, lambda: effects.append("ran"))

    assert effects == []


@pytest.mark.parametrize(
    "other",
    [
        replace(TARGET, purpose="reset"),
        replace(TARGET, subject="+84987654322"),
        replace(TARGET, client_id="another"),
    ],
    ids=["purpose", "subject", "client"],
)
def test_a_code_is_bound_to_its_purpose_subject_and_client(other: Target, stage: Stage) -> None:
    code = stage.send()
    stage.codes.send(FREE, other, DRAFT)  # so that there is a valid code
    theirs = stage.sender.messages[-1].code

    assert stage.redeem(code, target=other) == ("" if code == theirs else "code_wrong")
    assert stage.redeem(code) == ""


def test_limits_count_for_the_subject_over_all_clients(stage: Stage) -> None:
    stage.send(POLICY)

    with pytest.raises(errors.CooldownActive) as refused:
        stage.send(POLICY, replace(TARGET, client_id="another"))

    assert refused.value.retry_after_seconds == 90


def test_limits_may_count_under_another_subject(stage: Stage) -> None:
    stage.send(POLICY, Target("order", "order-1", counted_as="+84987654321"))

    with pytest.raises(errors.CooldownActive):
        stage.send(POLICY, Target("order", "order-2", counted_as="+84987654321"))


def test_how_long_to_wait_is_told_without_asking_for_a_code(stage: Stage) -> None:
    before = stage.codes.wait_seconds(POLICY, TARGET)
    stage.send(POLICY)
    stage.clock.tick(30.5)

    assert before == 0
    assert stage.codes.wait_seconds(POLICY, TARGET) == 60
    stage.clock.tick(59.5)
    assert stage.codes.wait_seconds(POLICY, TARGET) == 0


def test_a_locked_subject_is_told_before_anything_is_done(stage: Stage) -> None:
    for _ in range(3):
        code = stage.send()
        for _ in range(5):
            stage.redeem(another(code))

    with pytest.raises(errors.SubjectLocked) as refused:
        stage.codes.demand_unlocked(POLICY, TARGET)

    assert refused.value.retry_after_seconds == 86_400


def test_the_cooldown_is_no_lock(stage: Stage) -> None:
    stage.send(POLICY)

    stage.codes.demand_unlocked(POLICY, TARGET)

    assert stage.codes.wait_seconds(POLICY, TARGET) == 90


@pytest.mark.parametrize("status", [status for status in Status if status.is_definite_failure])
def test_a_definite_failure_gives_everything_back(status: Status) -> None:
    stage = staged(lambda message: Receipt(status))

    for _ in range(10):
        with pytest.raises(errors.SendFailed):
            stage.send(POLICY)

    assert stage.codes.wait_seconds(POLICY, TARGET) == 0
    assert stage.redeem(stage.sender.messages[-1].code) == "code_wrong"
    assert stage.heard.names()[:2] == ["code_issued", "send_failed"]


def test_a_failure_gives_the_earlier_cooldown_back_too(stage: Stage) -> None:
    stage.send(POLICY)
    stage.clock.tick(91)
    broken = staged(lambda message: Receipt(Status.REJECTED))
    codes = replace(stage.codes, messenger=replace(broken.codes.messenger, storage=stage.codes.storage))
    with pytest.raises(errors.SendFailed):
        codes.send(POLICY, TARGET, DRAFT)

    assert stage.codes.wait_seconds(POLICY, TARGET) == 0
    for _ in range(2):
        stage.send(POLICY)
        stage.clock.tick(90)
    with pytest.raises(errors.QuotaExceeded):
        stage.send(POLICY)


def test_a_withheld_letter_is_not_sent_and_no_guess_is_right(stage: Stage) -> None:
    issued = stage.codes.send(FREE, TARGET, replace(DRAFT, withheld=True))

    assert stage.sender.messages == []
    assert stage.redeem(issued.code) == "code_wrong"
    assert stage.heard.names() == ["code_refused"]


def test_a_chosen_code_asked_for_again_at_once_is_a_repetition(stage: Stage) -> None:
    options = IssueOptions(code="482913", repeat_within_ms=10_000)
    first = stage.codes.send(POLICY, TARGET, DRAFT, options)
    stage.clock.tick_ms(9_999)
    again = stage.codes.send(POLICY, TARGET, DRAFT, options)

    assert (first.repeated, again.repeated) == (False, True)
    assert len(stage.sender.messages) == 1


def test_a_code_may_be_handed_over_by_other_means(stage: Stage) -> None:
    issued = stage.codes.issue(POLICY, TARGET)

    assert stage.sender.messages == []
    assert stage.redeem(issued.code) == ""
    with pytest.raises(errors.CooldownActive):
        stage.codes.issue(POLICY, TARGET)


@pytest.mark.parametrize(
    ("tells_state", "told"),
    [(False, ["code_wrong", "code_wrong"]), (True, ["code_used", "code_expired"])],
)
def test_the_state_is_told_to_strangers_only_where_the_policy_says_so(
    tells_state: bool, told: list[str], stage: Stage
) -> None:
    policy = replace(FREE, tells_state=tells_state)
    used = stage.send()
    stage.redeem(used)
    after_use = stage.redeem(another(used), policy)
    expired = stage.send()
    stage.clock.tick(300)

    assert [after_use, stage.redeem(another(expired), policy)] == told


def test_a_wrong_guess_carries_what_is_left_and_a_reason_for_the_log(stage: Stage) -> None:
    code = stage.send()

    with pytest.raises(errors.CodeWrong) as refused:
        stage.codes.redeem(FREE, TARGET, another(code))

    assert (refused.value.left, refused.value.reason) == (4, "wrong")
    assert stage.heard.events[-1] == (
        "code_refused",
        {"purpose": "login", "subject": "+84987654321", "reason": "wrong"},
    )


def test_nothing_with_a_code_in_it_shows_it(stage: Stage) -> None:
    issued = stage.codes.send(FREE, TARGET, DRAFT)

    shown = [
        issued,
        IssueOptions(code=issued.code),
        stage.sender.messages[-1],
        stage.heard.events,
        stage.codes,
    ]

    assert issued.code not in " ".join(repr(each) for each in shown)


# -- the message -----------------------------------------------------------------------------


def test_a_message_that_waited_past_its_codes_end_is_not_sent(stage: Stage) -> None:
    waiting: list[Any] = []

    class Slow(InlineDelivery):
        def submit(self, outgoing: Any, send: Any) -> Receipt:
            waiting.append((outgoing, send))
            return Receipt(Status.ACCEPTED)

    codes = replace(stage.codes, messenger=replace(stage.codes.messenger, delivery=Slow()))
    codes.send(POLICY, TARGET, DRAFT)
    stage.clock.tick(300)
    outgoing, send = waiting[0]
    receipt = send(outgoing)

    assert receipt.status is Status.REJECTED
    assert stage.sender.messages == []
    assert stage.codes.wait_seconds(POLICY, TARGET) == 0


@pytest.mark.parametrize(
    ("known", "draft", "text"),
    [
        (["otpauth/sms/code.vi.txt"], replace(DRAFT, locales=("vi",)), "otpauth/sms/code.vi.txt"),
        (["otpauth/sms/code.en.txt"], replace(DRAFT, locales=("fr",)), "otpauth/sms/code.en.txt"),
        (["otpauth/sms/code.vi.txt"], replace(DRAFT, locales=("fr", "vi")), "otpauth/sms/code.vi.txt"),
        (["otpauth/sms/code.txt"], DRAFT, "otpauth/sms/code.txt"),
        (
            ["otpauth/sms/pay.en.txt", "otpauth/sms/code.en.txt"],
            replace(DRAFT, template="pay"),
            "otpauth/sms/pay.en.txt",
        ),
        (["otpauth/sms/code.en.txt"], replace(DRAFT, template="pay"), "otpauth/sms/code.en.txt"),
        (
            ["otpauth/sms/pay.en.txt", "otpauth/sms/code.fr.txt"],
            replace(DRAFT, template="pay", locales=("fr",)),
            "otpauth/sms/pay.en.txt",
        ),
    ],
)
def test_the_best_template_there_is_writes_the_message(known: list[str], draft: Draft, text: str) -> None:
    stage = staged(templates=PlainTemplates(*known))

    code = stage.send(draft=draft)

    assert stage.sender.messages[-1].text == f"{text}: {code}"


def test_a_channel_without_words_needs_no_template() -> None:
    stage = staged(templates=PlainTemplates())

    stage.send(draft=replace(DRAFT, channel="flashcall", caller_number="74872601234"))

    assert stage.sender.messages[-1].text == ""
    assert stage.sender.messages[-1].caller_number == "74872601234"


def test_a_notice_without_a_template_is_never_written_as_a_code() -> None:
    stage = staged(templates=PlainTemplates("otpauth/email/code.en.txt"))

    stage.codes.messenger.notify(Draft("email", "user@example.com", template="pin_changed"))

    assert stage.sender.messages[-1].text == ""


def test_a_notice_that_fails_is_told_by_event_alone() -> None:
    stage = staged(lambda message: Receipt(Status.REJECTED))

    stage.codes.messenger.notify(Draft("email", "user@example.com", template="pin_changed"))

    assert stage.heard.names() == ["send_failed"]


def test_a_withdrawal_that_fails_leaves_the_code_alive_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = staged(lambda message: Receipt(Status.REJECTED))

    def down(store: object, issue: object) -> None:
        raise errors.StorageUnavailable("down")

    monkeypatch.setattr(type(stage.codes.storage.challenges), "withdraw", down)
    with pytest.raises(errors.SendFailed):
        stage.send(POLICY)

    assert stage.heard.names() == ["code_issued", "withdraw_failed", "send_failed"]
    assert stage.codes.wait_seconds(POLICY, TARGET) == 90


def test_a_withheld_message_ends_as_the_last_one_of_its_route_did() -> None:
    vietnam, laos = Draft("sms", "+84987654321"), Draft("sms", "+8562055555555")
    answers = {vietnam.recipient: Status.UNAVAILABLE, laos.recipient: Status.ACCEPTED}
    stage = staged(lambda message: Receipt(answers[message.recipient]))
    key = RouteKey("sms", "84")
    stage.codes.messenger.router.routes[key] = Route(key, (NamedSender("memory", stage.sender),))

    def outcome(draft: Draft) -> str:
        try:
            stage.codes.send(FREE, Target("login", draft.recipient), draft)
        except errors.SendFailed:
            return "failed"
        return "sent"

    sent = [outcome(draft) for draft in (vietnam, laos)]
    withheld = [outcome(replace(draft, withheld=True)) for draft in (vietnam, laos)]

    assert sent == withheld == ["failed", "sent"]
    assert len(stage.sender.messages) == 2
