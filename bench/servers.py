"""The apps behind gunicorn, on a port of 127.0.0.1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
#: How long the workers may take to load the app, in seconds.
PATIENCE = 60.0

CONFIGURATION = """
from pathlib import Path

bind = "127.0.0.1:{port}"
worker_class = "gthread"
workers, threads = {workers}, {threads}
loglevel = "error"
control_socket_disable = True

def post_worker_init(worker):
    Path({folder!r}, f"ready.{{worker.pid}}").touch()
"""


@dataclass(frozen=True)
class Server:
    """A running gunicorn."""

    port: int
    process: int


@contextmanager
def gunicorn(module: str, database: str, workers: int, threads: int) -> Iterator[Server]:
    """
    Serve the app of a module of this folder until the end of the block. All workers have loaded it.

    :raises RuntimeError: if the server ends, or does not load the app.
    """
    with TemporaryDirectory(prefix="otpauth-bench-") as folder:
        port = _free_port()
        configuration = Path(folder, "gunicorn.conf.py")
        configuration.write_text(
            CONFIGURATION.format(port=port, workers=workers, threads=threads, folder=folder)
        )
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
                [sys.executable, "-m", "gunicorn", "-c", configuration, f"bench.{module}:create_app()"],
                cwd=ROOT,
                env={**os.environ, "BENCH_DATABASE": database, "BENCH_THREADS": str(threads)},
                stdout=output,
                stderr=output,
            )
        try:
            deadline = time.monotonic() + PATIENCE
            while len(list(Path(folder).glob("ready.*"))) < workers:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{module} did not start:\n{log.read_text()}")
                time.sleep(0.05)
            yield Server(port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
