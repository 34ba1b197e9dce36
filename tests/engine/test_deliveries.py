"""Messages that wait in the storage: kept with their codes, and each handed over once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_otpauth.core.deliveries import DeliveryRow, DeliveryState, DeliveryStatus
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.engine.deliveries import Deliveries
from flask_otpauth.engine.kept_messages import LEASE_MS
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import ADDRESS, EmailCaller
from tests.hosts import SECRET_KEY, MakeApp, otpauth_of


@dataclass
class Queue:
    """A queue of a host: it gets the ids of messages. It can be down."""

    from_storage = True
    ids: list[str] = field(default_factory=list)
    is_down: bool = False

    def submit(self, outgoing: Outgoing, send: object) -> Receipt | None:
        if self.is_down:
            return None
        self.ids.append(outgoing.message.id)
        return Receipt(Status.ACCEPTED)

    def drain(self, timeout_seconds: float) -> bool:
        return True


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def app(make_app: MakeApp, queue: Queue) -> Flask:
    return make_app(delivery=queue)


@pytest.fixture
def caller(app: Flask, outbox: Outbox) -> EmailCaller:
    return EmailCaller(app, outbox)


def deliveries_of(app: Flask) -> Deliveries:
    return otpauth_of(app).deliveries


def deliver(app: Flask, message_id: str) -> int:
    with app.app_context():
        return deliveries_of(app).deliver(message_id)


def deliver_due(app: Flask) -> int:
    with app.app_context():
        return deliveries_of(app).deliver_due()


def send_code(app: Flask) -> None:
    """Send a code in a view of the host, which may show that a message has failed."""
    with app.app_context():
        otpauth_of(app).codes.send("email", ADDRESS, purpose="confirm")


def row_of(app: Flask, message_id: str) -> DeliveryRow:
    found: DeliveryRow | None = app.extensions["otpauth"].services.storage.deliveries.find(message_id)
    assert found is not None
    return found


def test_a_message_waits_with_its_code_and_is_sent_once(
    app: Flask, caller: EmailCaller, queue: Queue, outbox: Outbox
) -> None:
    caller.ask()
    (message_id,) = queue.ids
    assert outbox.messages == []

    waits = [deliver(app, message_id) for _ in range(3)]

    assert waits == [0, 0, 0]
    assert [message.id for message in outbox.messages] == [message_id]
    assert caller.verify(outbox.last.code).get_json()["code"] == 0
    row = row_of(app, message_id)
    assert (row.state, row.status, row.sealed) == (DeliveryState.HANDED_OVER, DeliveryStatus.ACCEPTED, b"")


def test_the_sender_gets_the_message_as_it_was_written(
    app: Flask, caller: EmailCaller, queue: Queue, outbox: Outbox, clock: MovableClock
) -> None:
    caller.ask()

    deliver(app, queue.ids[0])

    message = outbox.last
    assert (message.channel, message.recipient, message.purpose) == ("email", ADDRESS, "email")
    assert message.code in message.text
    assert message.code in (message.html or "")
    assert message.expires_at == clock() + timedelta(seconds=300)
    assert message.values["code"] == message.code
    assert message.code not in repr(message.code)
    assert message.code not in repr(message.values)


def test_the_row_shows_no_address_and_no_code(app: Flask, caller: EmailCaller, queue: Queue) -> None:
    caller.ask()
    row = row_of(app, queue.ids[0])
    kept = app.extensions["otpauth"].services.deliveries.messenger.kept

    message = kept.open(row).message

    everything = repr(row).encode() + row.sealed
    assert message.recipient == ADDRESS
    assert ADDRESS.encode() not in everything
    assert message.code.encode() not in everything


def test_a_queue_that_is_down_uses_nothing_up(
    make_app: MakeApp, queue: Queue, outbox: Outbox, app: Flask
) -> None:
    app = make_app(delivery=queue, email_send_quotas=("1 per day",))
    caller = EmailCaller(app, outbox)
    queue.is_down = True
    failed = caller.ask()
    queue.is_down = False

    again = caller.ask()

    assert failed.get_json()["code"] == -205
    assert again.get_json()["code"] == 0
    assert deliver_due(app) == 1, "the second message, and not the one that was withdrawn"
    assert len(outbox.messages) == 1


def test_a_queue_that_lost_its_tasks_loses_no_message(
    app: Flask, caller: EmailCaller, queue: Queue, outbox: Outbox
) -> None:
    caller.ask()

    first, second = deliver_due(app), deliver_due(app)

    assert (first, second) == (1, 0)
    assert caller.verify(outbox.last.code).get_json()["code"] == 0
    assert deliver(app, queue.ids[0]) == 0
    assert len(outbox.messages) == 1


def test_a_message_that_was_only_claimed_is_sent_after_the_lease(
    app: Flask, caller: EmailCaller, queue: Queue, outbox: Outbox, clock: MovableClock
) -> None:
    caller.ask()
    store = app.extensions["otpauth"].services.storage.deliveries
    store.claim(queue.ids[0], epoch_ms(clock()), LEASE_MS)  # by a process that is killed now

    wait = deliver(app, queue.ids[0])
    clock.tick(seconds=wait)
    then = deliver(app, queue.ids[0])

    assert (wait, then) == (LEASE_MS // 1000, 0)
    assert len(outbox.messages) == 1


def test_a_message_that_may_have_been_sent_is_not_sent_again(
    app: Flask, caller: EmailCaller, queue: Queue, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(_: Message) -> Receipt:
        raise Killed

    caller.ask()
    monkeypatch.setattr(app.extensions["otpauth"].services.codes.messenger.router, "send", die)
    with pytest.raises(Killed):
        deliver(app, queue.ids[0])
    clock.tick(milliseconds=10 * LEASE_MS)

    assert deliver(app, queue.ids[0]) == 0
    assert deliver_due(app) == 0
    assert row_of(app, queue.ids[0]).status is DeliveryStatus.UNKNOWN


def test_a_code_that_expired_while_it_waited_is_not_sent_and_gives_its_quota_back(
    make_app: MakeApp, queue: Queue, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(delivery=queue, email_send_quotas=("1 per day",))
    send_code(app)
    clock.tick(seconds=301)

    deliver_due(app)

    assert outbox.messages == []
    assert row_of(app, queue.ids[0]).state is DeliveryState.FAILED
    send_code(app)


def test_a_code_that_was_replaced_while_it_waited_is_not_sent(
    make_app: MakeApp, queue: Queue, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(delivery=queue, email_cooldown=0)
    caller = EmailCaller(app, outbox)
    caller.ask()
    caller.ask()

    for message_id in queue.ids:
        deliver(app, message_id)

    assert [message.id for message in outbox.messages] == queue.ids[1:]
    assert row_of(app, queue.ids[0]).state is DeliveryState.CANCELED


def test_a_failed_message_gives_its_quota_back(
    make_app: MakeApp, queue: Queue, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(delivery=queue, email_send_quotas=("1 per day",))
    outbox.answer = lambda message: Receipt(Status.REJECTED)
    send_code(app)

    deliver(app, queue.ids[0])

    row = row_of(app, queue.ids[0])
    assert (row.state, row.status) == (DeliveryState.FAILED, DeliveryStatus.REJECTED)
    send_code(app)


def test_a_stranger_s_message_waits_like_any_other_and_is_not_sent(
    make_app: MakeApp, queue: Queue, outbox: Outbox
) -> None:
    app = make_app(delivery=queue, email_create_user=False)
    caller = EmailCaller(app, outbox)

    answer = caller.ask()

    (message_id,) = queue.ids
    assert answer.get_json()["code"] == 0
    assert len(row_of(app, message_id).sealed) > 500
    assert deliver(app, message_id) == 0
    assert outbox.messages == []


# -- keys -------------------------------------------------------------------------------------


def rotated(make_app: MakeApp, queue: Queue, uri: str, *secrets: str) -> Flask:
    """The app after its secrets were changed."""
    keys = {"secret_keys": secrets, "subject_key": SECRET_KEY}
    return make_app(delivery=queue, database_uri=uri, **keys)


def test_keys_can_be_rotated_while_messages_wait(
    make_app: MakeApp, queue: Queue, outbox: Outbox, database_file: str
) -> None:
    old = rotated(make_app, queue, database_file, SECRET_KEY)
    EmailCaller(old, outbox).ask()
    new = rotated(make_app, queue, database_file, "a new secret that is long enough for a test", SECRET_KEY)

    deliver(new, queue.ids[0])

    assert EmailCaller(new, outbox).verify(outbox.last.code).get_json()["code"] == 0


def test_a_message_whose_key_was_removed_is_left_to_another_app_until_nobody_needs_it(
    make_app: MakeApp, queue: Queue, outbox: Outbox, database_file: str, clock: MovableClock
) -> None:
    old = rotated(make_app, queue, database_file, SECRET_KEY)
    EmailCaller(old, outbox).ask()
    other = rotated(make_app, queue, database_file, "a new secret that is long enough for a test")

    early = deliver_due(other)
    clock.tick(seconds=301)
    late = deliver_due(other)

    assert (early, late) == (0, 1)
    assert row_of(old, queue.ids[0]).state is DeliveryState.FAILED
    assert outbox.messages == []


# -- messages without a code ------------------------------------------------------------------


def notify(app: Flask) -> None:
    from flask_otpauth.engine.messenger import Draft

    with app.app_context():
        messenger = app.extensions["otpauth"].services.codes.messenger
        messenger.notify(Draft("email", "ann@example.com", template="password_changed"))


def test_a_notice_waits_like_a_code(app: Flask, queue: Queue, outbox: Outbox) -> None:
    notify(app)

    deliver(app, queue.ids[0])

    assert [message.recipient for message in outbox.messages] == ["ann@example.com"]


def test_a_notice_that_cannot_be_stored_is_no_error(
    app: Flask, queue: Queue, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise StorageUnavailable

    store = app.extensions["otpauth"].services.storage.deliveries
    monkeypatch.setattr(store, "add", down)

    notify(app)

    assert queue.ids == []


# -- the command ------------------------------------------------------------------------------


def test_the_command_sends_what_waits(app: Flask, caller: EmailCaller, outbox: Outbox) -> None:
    caller.ask()

    results = [app.test_cli_runner().invoke(args=["otpauth", "deliver"]) for _ in range(2)]

    assert [result.output for result in results] == ["1 messages taken up.\n", "0 messages taken up.\n"]
    assert len(outbox.messages) == 1
