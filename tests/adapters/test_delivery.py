from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from flask_otpauth.adapters.delivery import InlineDelivery, ThreadDelivery
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.ports.senders import Message, Receipt, Status

PATIENCE = 30.0
ACCEPTED = Receipt(Status.ACCEPTED)


def parcel(code: str = "012345") -> Outgoing:
    return Outgoing(Message("sms", "+84987654321", code))


class Outbox:
    """Records what is sent. While ``gate`` is closed, sending waits."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def send(self, given: Outgoing) -> Receipt:
        self.entered.release()
        assert self.gate.wait(PATIENCE)
        self.codes.append(given.message.code)
        return Receipt(Status.REJECTED)


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    outbox = Outbox()
    yield outbox
    outbox.gate.set()


def test_inline_sends_before_it_answers(outbox: Outbox) -> None:
    receipt = InlineDelivery().submit(parcel(), outbox.send)

    assert receipt.status is Status.REJECTED
    assert outbox.codes == ["012345"]
    assert InlineDelivery().drain(0)


def test_a_thread_answers_before_it_has_sent(outbox: Outbox) -> None:
    outbox.gate.clear()
    delivery = ThreadDelivery(nullcontext)

    receipt = delivery.submit(parcel(), outbox.send)

    assert receipt == ACCEPTED
    assert outbox.codes == []
    outbox.gate.set()
    assert delivery.drain(PATIENCE)
    assert outbox.codes == ["012345"]


def test_one_worker_sends_in_the_order_of_submission(outbox: Outbox) -> None:
    delivery = ThreadDelivery(nullcontext, workers=1)
    codes = [f"{number:06d}" for number in range(100)]

    for code in codes:
        delivery.submit(parcel(code), outbox.send)

    assert delivery.drain(PATIENCE)
    assert outbox.codes == codes


def test_as_many_are_sent_at_a_time_as_there_are_workers(outbox: Outbox) -> None:
    outbox.gate.clear()
    delivery = ThreadDelivery(nullcontext, workers=3)

    for _ in range(5):
        delivery.submit(parcel(), outbox.send)

    assert [outbox.entered.acquire(timeout=PATIENCE) for _ in range(3)] == [True] * 3
    assert not outbox.entered.acquire(blocking=False)
    outbox.gate.set()
    assert delivery.drain(PATIENCE)
    assert len(outbox.codes) == 5


def test_a_full_queue_refuses_and_takes_again_when_there_is_room(outbox: Outbox) -> None:
    outbox.gate.clear()
    delivery = ThreadDelivery(nullcontext, workers=1, queue_size=2)
    delivery.submit(parcel("000000"), outbox.send)
    assert outbox.entered.acquire(timeout=PATIENCE)

    answers = [delivery.submit(parcel(code), outbox.send) for code in ("111111", "222222", "333333")]

    assert answers == [ACCEPTED, ACCEPTED, None]
    outbox.gate.set()
    assert delivery.drain(PATIENCE)
    assert delivery.submit(parcel("444444"), outbox.send) == ACCEPTED
    assert delivery.drain(PATIENCE)
    assert outbox.codes == ["000000", "111111", "222222", "444444"]


def test_draining_gives_up_at_its_timeout(outbox: Outbox) -> None:
    outbox.gate.clear()
    delivery = ThreadDelivery(nullcontext)
    delivery.submit(parcel(), outbox.send)

    assert not delivery.drain(0.01)


def test_each_sending_runs_in_a_context_of_its_own(outbox: Outbox) -> None:
    entered: list[str] = []

    @contextmanager
    def context() -> Iterator[None]:
        entered.append("in")
        yield
        entered.append("out")

    delivery = ThreadDelivery(context, workers=1)
    delivery.submit(parcel(), outbox.send)
    delivery.submit(parcel(), outbox.send)

    assert delivery.drain(PATIENCE)
    assert entered == ["in", "out", "in", "out"]


@pytest.mark.parametrize("error", [RuntimeError("012345"), SystemExit("012345")])
def test_a_worker_outlives_whatever_a_sending_raises(
    outbox: Outbox, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(given: Outgoing) -> Receipt:
        raise error

    delivery = ThreadDelivery(nullcontext, workers=1)
    with caplog.at_level(logging.DEBUG):
        delivery.submit(parcel(), fail)
        delivery.submit(parcel("222222"), outbox.send)
        assert delivery.drain(PATIENCE)

    assert outbox.codes == ["222222"]
    assert type(error).__name__ in caplog.text
    assert "012345" not in caplog.text


def test_what_is_refused_for_want_of_threads_is_not_kept(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    delivery = ThreadDelivery(nullcontext)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        refused = delivery.submit(parcel("111111"), outbox.send)

    assert refused is None
    delivery.submit(parcel("222222"), outbox.send)
    assert delivery.drain(PATIENCE)
    assert outbox.codes == ["222222"]


def test_a_thread_with_nothing_to_do_ends_and_another_takes_over(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_otpauth.adapters.delivery._IDLE_SECONDS", 0.01)
    delivery = ThreadDelivery(nullcontext, workers=1)
    others = set(threading.enumerate())
    delivery.submit(parcel("111111"), outbox.send)
    assert delivery.drain(PATIENCE)

    for thread in set(threading.enumerate()) - others:
        thread.join(PATIENCE)

    assert set(threading.enumerate()) <= others
    delivery.submit(parcel("222222"), outbox.send)
    assert delivery.drain(PATIENCE)
    assert outbox.codes == ["111111", "222222"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_sends_its_own_and_not_what_waits_in_the_parent(outbox: Outbox) -> None:
    outbox.gate.clear()
    delivery = ThreadDelivery(nullcontext, workers=1)
    delivery.submit(parcel("111111"), outbox.send)
    delivery.submit(parcel("222222"), outbox.send)
    assert outbox.entered.acquire(timeout=PATIENCE)

    child = os.fork()
    if child == 0:
        outbox.gate.set()
        delivery.submit(parcel("333333"), outbox.send)
        drained = delivery.drain(PATIENCE)
        os._exit(0 if drained and outbox.codes == ["333333"] else 1)

    _, status = os.waitpid(child, 0)
    outbox.gate.set()
    assert os.waitstatus_to_exitcode(status) == 0
    assert delivery.drain(PATIENCE)
    assert outbox.codes == ["111111", "222222"]


PROGRAM = """
import threading
from contextlib import nullcontext
from flask_otpauth.adapters.delivery import ThreadDelivery
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.ports.senders import Message, Receipt

begun = threading.Event()

def send(outgoing):
    {sending}
    print(outgoing.message.code)
    return Receipt("accepted")

delivery = ThreadDelivery(nullcontext, workers=1, shutdown_seconds={shutdown_seconds})
for code in ("111111", "222222"):
    delivery.submit(Outgoing(Message("sms", "+84987654321", code)), send)
"""


def run(**blanks: object) -> str:
    program = PROGRAM.format(**blanks)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return ended.stdout


def test_what_waits_is_sent_before_the_process_ends() -> None:
    assert run(sending="pass", shutdown_seconds=30).split() == ["111111", "222222"]


def test_a_hanging_sender_does_not_keep_the_process_alive() -> None:
    assert run(sending="threading.Event().wait()", shutdown_seconds=0.1) == ""


def test_a_forgotten_delivery_is_not_kept_alive_by_its_callbacks() -> None:
    delivery = ThreadDelivery(nullcontext)
    reference = weakref.ref(delivery)

    del delivery
    gc.collect()

    assert reference() is None
