"""The faults. Each is a function that causes it, keeps it up for some seconds, and ends it."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep

from tests.faults.serving import Gunicorn
from tests.faults.stores import Running

HOUR_SECONDS = 3600


@dataclass(frozen=True)
class Site:
    """An app that serves, and its store."""

    store: Running
    gunicorn: Gunicorn
    #: Waits for so many seconds, and until clients have noticed what is the matter.
    hold: Callable[[float], None] = sleep


def _nothing(site: Site, seconds: float) -> None:
    site.hold(seconds)


def _kill_workers(site: Site, seconds: float) -> None:
    chance, end = random.Random(2), monotonic() + seconds
    while monotonic() < end:
        with suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(site.gunicorn.workers()), signal.SIGKILL)
        sleep(min(0.4, seconds))


def _restart_server(site: Site, seconds: float) -> None:
    assert site.store.server is not None
    site.store.server.stop()
    site.hold(seconds / 2)
    site.store.server.start()


def _kill_server(site: Site, seconds: float) -> None:
    assert site.store.server is not None
    site.store.server.kill()
    site.hold(seconds / 2)
    site.store.server.start()


def _cut_connections(site: Site, seconds: float) -> None:
    assert site.store.proxy is not None
    end = monotonic() + seconds
    while monotonic() < end:
        site.store.proxy.cut()
        sleep(0.05)


def _lose_answers(site: Site, seconds: float) -> None:
    assert site.store.proxy is not None
    site.store.proxy.loses_answers = True
    site.hold(seconds)
    site.store.proxy.loses_answers = False


def _control(name: str) -> Callable[[Site, float], None]:
    """A fault of which a control of the app is the cause."""

    def cause(site: Site, seconds: float) -> None:
        control = site.gunicorn.place.control(name)
        control.touch()
        site.hold(seconds)
        control.unlink()

    return cause


def _block(site: Site, seconds: float) -> None:
    with site.store.blocked():
        site.hold(max(seconds, 1.5))


def _slow(site: Site, seconds: float) -> None:
    with site.store.slow():
        site.hold(seconds)


def _read_only(site: Site, seconds: float) -> None:
    if site.store.read_only is None:
        _control("read-only")(site, seconds)
        return
    with site.store.read_only():
        site.hold(seconds)


def _fill(site: Site, seconds: float) -> None:
    with site.store.full():
        site.hold(seconds)


def _step_clock(step_seconds: int) -> Callable[[Site, float], None]:
    def cause(site: Site, seconds: float) -> None:
        clock = site.gunicorn.place.control(f"clock.{site.gunicorn.workers()[0]}")
        clock.write_text(str(step_seconds))
        site.hold(seconds)
        clock.unlink()

    return cause


def _other_settings(site: Site, seconds: float) -> None:
    control = site.gunicorn.place.control("other-settings")
    control.touch()
    site.gunicorn.replace(site.gunicorn.workers()[0])
    site.gunicorn.await_workers(1, "other")
    control.unlink()
    site.hold(seconds)
    site.gunicorn.replace(site.gunicorn.workers("other")[0])


@dataclass(frozen=True)
class Fault:
    """A fault, and what differs while it lasts."""

    says: str
    cause: Callable[[Site, float], None]
    #: It needs a server, with a proxy in front of it.
    of_server: bool = False
    #: It needs a disk that can be full.
    of_disk: bool = False
    #: Requests are refused, or have no answer, while it lasts.
    refuses: bool = False
    #: A code may have expired for one worker and not for another.
    steps_clock: bool = False
    #: Some limits may be those of the other settings.
    mixes_settings: bool = False

    def is_possible_on(self, store: Running) -> bool:
        """Whether this store can have it."""
        return (not self.of_server or store.server is not None) and (
            not self.of_disk or store.disk.can_be_full
        )


FAULTS = (
    Fault("none", _nothing),
    Fault("workers are killed with SIGKILL", _kill_workers),
    Fault("the server is restarted", _restart_server, of_server=True, refuses=True),
    Fault("the server is killed with SIGKILL", _kill_server, of_server=True, refuses=True),
    Fault("connections are cut", _cut_connections, of_server=True, refuses=True),
    Fault("answers are lost after the server has acted", _lose_answers, of_server=True, refuses=True),
    Fault("the connection pool is exhausted", _control("pool"), refuses=True),
    Fault("statements run into their timeout", _block, refuses=True),
    Fault("the store is slow", _slow),
    Fault("the store is read-only", _read_only, refuses=True),
    Fault("the disk is full", _fill, of_disk=True, refuses=True),
    Fault("the clock of a worker is an hour ahead", _step_clock(HOUR_SECONDS), steps_clock=True),
    Fault("the clock of a worker is an hour behind", _step_clock(-HOUR_SECONDS), steps_clock=True),
    Fault("a worker has other settings", _other_settings, mixes_settings=True),
)
