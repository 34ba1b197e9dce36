"""Gunicorn with the app under load, in processes that a fault can kill."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep

from tests.faults.app import PLACE, Place
from tests.faults.servers import child_pids, kill_with_children

WORKERS = 3
THREADS = 6
START_SECONDS = 60
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Gunicorn:
    """A running gunicorn. It replaces workers that end."""

    place: Place
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        """The port on which it listens."""
        (port,) = re.findall(r"Listening at: http://127\.0\.0\.1:(\d+)", self.log)
        return int(port)

    @property
    def log(self) -> str:
        """What it has printed."""
        return Path(self.place.folder, "log").read_text(errors="replace")

    def workers(self, settings: str = "usual") -> list[int]:
        """The processes that serve the app by these settings."""
        pids = child_pids(self.process.pid)
        return [pid for pid in pids if self._settings_of(pid) == settings]

    def await_workers(self, count: int, settings: str = "usual") -> None:
        """Return when so many processes serve the app by these settings."""
        deadline = monotonic() + START_SECONDS
        while len(self.workers(settings)) < count:
            assert self.process.poll() is None, self.log
            assert monotonic() < deadline, self.log
            sleep(0.02)

    def replace(self, pid: int) -> None:
        """Have a worker replaced by a new one, after it has answered its requests."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def _settings_of(self, pid: int) -> str:
        started = self.place.control(f"worker.{pid}")
        return started.read_text() if started.exists() else ""


@contextmanager
def gunicorn(place: Place) -> Iterator[Gunicorn]:
    """Serve the app by several workers; all of them are ready."""
    place_file = Path(place.folder, "place.json")
    place_file.write_text(json.dumps(asdict(place)))
    workers = ["--workers", str(WORKERS), "--worker-class", "gthread", "--threads", str(THREADS)]
    waits = ["--timeout", "60", "--graceful-timeout", "2", "--bind", "127.0.0.1:0"]
    command = [sys.executable, "-m", "gunicorn", *workers, *waits, "tests.faults.app:create_app()"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": place.folder,
        "PYTHONPATH": str(ROOT),
        PLACE: str(place_file),
    }
    with Path(place.folder, "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    server = Gunicorn(place, process)
    try:
        server.await_workers(WORKERS)
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        kill_with_children(process)
