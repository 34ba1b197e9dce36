"""Which sender is tried, on circuits in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.core.circuits import Circuit, CircuitPolicy, Evidence, SendAttempt
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.routes import RouteKey
from flask_otpauth.engine.router import NamedSender, Route, Router
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock

POLICY = CircuitPolicy(limit=3)
REST = timedelta(milliseconds=POLICY.rest_ms)
DEFINITE = [Status.REJECTED, Status.RATE_LIMITED, Status.AUTH_ERROR, Status.UNAVAILABLE]
OF_PROVIDER = [Status.RATE_LIMITED, Status.AUTH_ERROR, Status.UNAVAILABLE, Status.TIMEOUT]
ABOUT_RECIPIENT = [Status.INVALID_RECIPIENT, Status.OPTED_OUT]


@dataclass
class Provider:
    """A sender that answers what it is told, and counts what it gets."""

    status: Status = Status.ACCEPTED
    #: What happens while it sends.
    meanwhile: Callable[[], object] = lambda: None
    messages: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> Receipt:
        self.messages.append(message)
        self.meanwhile()
        return Receipt(self.status, detail="answered")


class Scene:
    """A route by a, b and c for all SMS, and one by d alone for one country."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.storage = MemoryStorage()
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.a, self.b, self.c, self.d = (Provider() for _ in "abcd")
        named = {name: NamedSender(name, getattr(self, name)) for name in "abcd"}
        routes = [
            Route(RouteKey("sms"), (named["a"], named["b"], named["c"])),
            Route(RouteKey("sms", "856"), (named["d"],)),
        ]
        by_key = {route.key: route for route in routes}
        self.router = Router(by_key, self.storage.circuits, POLICY, self.clock, self._hear)

    def _hear(self, event: str, **facts: Any) -> None:
        self.heard.append((event, facts))

    def send(self, recipient: str = "+84987654321", **more: Any) -> Receipt:
        expires_at = self.clock() + timedelta(seconds=300)
        return self.router.send(Message("sms", recipient, "012345", expires_at=expires_at, **more))

    def tried(self, times: int = 1) -> str:
        """Send some messages. Return the names of the senders that got one, in order."""
        names = []
        for name in "abcd":
            getattr(self, name).meanwhile = lambda name=name: names.append(name)
        for _ in range(times):
            self.send()
        return "".join(names)

    def break_down(self, *names: str, status: Status = Status.UNAVAILABLE) -> None:
        for name in names:
            getattr(self, name).status = status

    def circuit(self, name: str) -> Circuit:
        return self.storage.circuits.read(name)

    def named(self) -> list[str]:
        return [event for event, _ in self.heard]


@pytest.fixture
def scene() -> Scene:
    return Scene()


# -- one message --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", DEFINITE)
def test_the_next_sender_is_tried_after_a_definite_failure(scene: Scene, status: Status) -> None:
    scene.break_down("a", status=status)

    receipt = scene.send()

    assert (receipt.status, receipt.sender, receipt.detail) == (Status.ACCEPTED, "b", "answered")
    assert scene.tried() == "ab"


@pytest.mark.parametrize("status", [Status.ACCEPTED, Status.TIMEOUT, *ABOUT_RECIPIENT])
def test_no_other_sender_is_tried_if_it_may_be_sent_or_the_recipient_is_the_reason(
    scene: Scene, status: Status
) -> None:
    scene.break_down("a", status=status)

    assert scene.send().status is status
    assert scene.tried() == "a"


def test_if_all_fail_the_receipt_is_that_of_the_last_one(scene: Scene) -> None:
    scene.break_down("a", "b")
    scene.break_down("c", status=Status.AUTH_ERROR)

    receipt = scene.send()

    assert (receipt.status, receipt.sender) == (Status.AUTH_ERROR, "c")


def test_each_failure_before_the_last_try_is_reported(scene: Scene) -> None:
    scene.break_down("a", "b", "c")

    scene.send(purpose="login")

    assert [(event, facts["receipt"].sender) for event, facts in scene.heard] == [
        ("sender_failed", "a"),
        ("sender_failed", "b"),
    ]
    assert scene.heard[0][1].keys() == {"channel", "recipient", "purpose", "receipt"}


def test_a_message_for_a_country_with_its_own_route_takes_that(scene: Scene) -> None:
    scene.break_down("d")

    receipt = scene.send("+8562055555555")

    assert (receipt.status, receipt.sender) == (Status.UNAVAILABLE, "d")
    assert scene.circuit("d") == Circuit(), "there is nothing to choose, so nothing is noted"


def test_nothing_is_sent_after_the_code_has_expired(scene: Scene) -> None:
    message = Message("sms", "+84987654321", "012345", expires_at=scene.clock())

    receipt = scene.router.send(message)

    assert (receipt.status, receipt.detail) == (Status.REJECTED, "its code has expired")
    assert scene.a.messages == []


def test_no_further_sender_is_tried_once_the_code_has_expired(scene: Scene) -> None:
    scene.break_down("a")
    scene.a.meanwhile = lambda: scene.clock.tick(seconds=300)

    receipt = scene.send()

    assert (receipt.status, receipt.sender) == (Status.UNAVAILABLE, "a")
    assert scene.b.messages == []


def test_a_message_without_expiry_is_always_sent(scene: Scene) -> None:
    assert scene.router.send(Message("sms", "+84987654321", "012345")).status is Status.ACCEPTED


# -- circuits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", OF_PROVIDER)
def test_a_provider_that_fails_several_times_is_left_out(scene: Scene, status: Status) -> None:
    scene.break_down("a", status=status)

    scene.tried(POLICY.limit)

    assert scene.tried(2) == "bb"
    opened = [facts for event, facts in scene.heard if event == "circuit_opened"]
    assert [(facts["name"], facts["receipt"].status) for facts in opened] == [("a", status)]


@pytest.mark.parametrize("status", [Status.REJECTED, *ABOUT_RECIPIENT])
def test_what_is_about_the_message_or_its_recipient_opens_no_circuit(scene: Scene, status: Status) -> None:
    scene.break_down("a", status=status)

    scene.tried(2 * POLICY.limit)

    assert scene.circuit("a") == Circuit()


def test_success_without_failures_before_it_writes_nothing(scene: Scene) -> None:
    scene.tried(3)

    assert not scene.storage._memory.circuits  # noqa: SLF001 - a write that changes nothing is no other way seen


def test_a_success_forgets_the_failures_before_it(scene: Scene) -> None:
    scene.break_down("a")
    scene.tried(POLICY.limit - 1)
    scene.break_down("a", status=Status.ACCEPTED)
    scene.tried()

    assert scene.circuit("a") == Circuit()
    assert "circuit_closed" not in scene.named()


def test_after_the_rest_one_message_probes_and_a_success_closes_the_circuit(scene: Scene) -> None:
    scene.break_down("a")
    scene.tried(POLICY.limit)
    scene.clock.tick(seconds=REST.total_seconds())
    scene.break_down("a", status=Status.ACCEPTED)
    seen = []
    scene.a.meanwhile = lambda: seen.append(scene.storage.circuits.read("a").probe)

    scene.send()

    assert [bool(probe) for probe in seen] == [True]
    assert scene.heard[-1] == ("circuit_closed", {"name": "a"})
    assert scene.tried(2) == "aa"


def test_while_a_message_probes_the_others_take_the_next_sender(scene: Scene) -> None:
    scene.break_down("a")
    scene.tried(POLICY.limit)
    scene.clock.tick(seconds=REST.total_seconds())
    meanwhile = []
    scene.a.meanwhile = lambda: meanwhile.append(scene.send().sender)

    scene.send()

    assert meanwhile == ["b"]


def test_a_probe_that_fails_is_followed_by_the_next_sender_and_a_longer_rest(scene: Scene) -> None:
    scene.break_down("a")
    scene.tried(POLICY.limit)
    scene.clock.tick(seconds=REST.total_seconds())

    assert scene.tried(2) == "abb"
    scene.clock.tick(seconds=REST.total_seconds())
    assert scene.tried() == "b"
    scene.clock.tick(seconds=REST.total_seconds())
    assert scene.tried() == "ab"
    assert scene.named().count("circuit_opened") == 1


def test_a_probe_with_an_unknown_outcome_is_not_followed_by_another_sender(scene: Scene) -> None:
    scene.break_down("a")
    scene.tried(POLICY.limit)
    scene.clock.tick(seconds=REST.total_seconds())
    scene.break_down("a", status=Status.TIMEOUT)

    assert scene.tried(2) == "ab"


# -- all rest -----------------------------------------------------------------------------------


def all_rest(scene: Scene) -> None:
    """Let all senders rest: the rest of b ends first, then that of a, then that of c."""
    now_ms = epoch_ms(scene.clock())
    for name, ago_ms in (("b", 2), ("a", 1), ("c", 0)):
        scene.storage._memory.circuits[name] = Circuit(POLICY.limit, now_ms - ago_ms)  # noqa: SLF001


def test_if_all_rest_the_message_probes_the_sender_whose_rest_ends_first(scene: Scene) -> None:
    all_rest(scene)

    assert scene.tried() == "b"
    assert scene.circuit("b") == Circuit()
    assert scene.tried() == "b", "it works again"


def test_if_all_rest_each_of_them_is_probed_once_and_a_message_beside_is_refused(scene: Scene) -> None:
    all_rest(scene)
    beside = []
    scene.b.meanwhile = scene.send
    scene.a.meanwhile = scene.send
    scene.c.meanwhile = lambda: beside.append(scene.send())

    scene.send()

    assert [len(each.messages) for each in (scene.a, scene.b, scene.c)] == [1, 1, 1]
    assert [receipt.status for receipt in beside] == [Status.UNAVAILABLE]
    assert (beside[0].sender, beside[0].detail) == ("", "all senders of the route rest")


def test_a_resting_sender_is_no_last_resort_if_another_one_was_tried(scene: Scene) -> None:
    scene.break_down("a")
    scene.tried(POLICY.limit)
    scene.break_down("b", "c", status=Status.REJECTED)

    assert scene.tried() == "bc"


# -- outages ------------------------------------------------------------------------------------


class Down:
    """Circuits whose storage is down for one operation."""

    def __init__(self, storage: MemoryStorage, operation: str) -> None:
        self._circuits = storage.circuits
        self._operation = operation

    def __getattr__(self, name: str) -> Any:
        if name == self._operation:
            raise StorageUnavailable("down")
        return getattr(self._circuits, name)


def test_without_circuits_nothing_is_sent(scene: Scene) -> None:
    scene.router.__dict__["circuits"] = Down(scene.storage, "admit")

    receipt = scene.send()

    assert receipt.status is Status.UNAVAILABLE
    assert "circuits" in receipt.detail
    assert scene.a.messages == scene.b.messages == scene.c.messages == []


def test_a_route_with_one_sender_needs_no_circuits(scene: Scene) -> None:
    scene.router.__dict__["circuits"] = Down(scene.storage, "admit")

    assert scene.send("+8562055555555").status is Status.ACCEPTED


def test_a_message_that_was_sent_stays_sent_if_its_outcome_cannot_be_noted(scene: Scene) -> None:
    scene.storage.circuits.note(_attempt(scene), Evidence.FAILS, epoch_ms(scene.clock()))
    scene.router.__dict__["circuits"] = Down(scene.storage, "note")

    assert scene.send().status is Status.ACCEPTED
    assert scene.circuit("a").failures == 1


def _attempt(scene: Scene) -> SendAttempt:
    return SendAttempt("a", "nonce", POLICY, epoch_ms(scene.clock()))
