"""The README's app behind a server with several processes, and what its users are sent."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")

#: A sender that every worker can write to and the test can read from.
OUTBOX = """
from pathlib import Path
from flask_otpauth.senders import Receipt

class Files:
    def send(self, message):
        Path("codes", message.recipient).write_text(message.code)
        return Receipt("accepted")

sender = Files()
"""

#: Workers begin to load the app at the same moment, what it imports being there.
TOGETHER = """
import multiprocessing

together = multiprocessing.Barrier(workers)

def post_fork(server, worker):
    import flask_otpauth, flask_sqlalchemy, psycopg
    together.wait(60)
"""

#: Workers say when they have loaded the app.
READY = """
def post_worker_init(worker):
    worker.log.info("worker is ready")
"""


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def app_of_the_readme() -> str:
    """The fifteen lines."""
    (found,) = re.findall(r"^<!-- embed -->\n```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return str(found)


@dataclass(frozen=True)
class Shop:
    """A running app."""

    address: str
    folder: Path

    def login(self, http: httpx.Client, email: str) -> str:
        """Log in by code: the access token."""
        asked = http.post(f"{self.address}/apis/auth/request-otp", json={"email": email})
        assert asked.json()["message"] == "OTP sent successfully", asked.text
        code = (self.folder / "codes" / email).read_text()
        body = {"email": email, "otpCode": code}
        answer = http.post(f"{self.address}/apis/auth/verify-otp", json=body)
        assert answer.json()["message"] == "Login successful", answer.text
        return str(answer.json()["data"]["accessToken"])


@dataclass
class Gunicorn:
    """A running gunicorn: where it listens, and, once it has ended, all that it printed."""

    address: str
    printed: str


@contextmanager
def ready(
    command: list[str], folder: Path, environment: Mapping[str, str], workers: int
) -> Iterator[Gunicorn]:
    """Run gunicorn until that many workers have said that they are ready."""
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    server = Gunicorn("", "")
    try:
        while server.printed.count("worker is ready") < workers:
            line = process.stdout.readline()
            assert line, server.printed
            server.printed += line
        (server.address,) = re.findall(r"Listening at: (http://\S+)", server.printed)
        yield server
    finally:
        process.terminate()
        server.printed += process.communicate()[0]


@contextmanager
def gunicorn(folder: Path, database: str, *options: str, workers: int = 4) -> Iterator[Shop]:
    """Serve the README's app from ``folder`` by that many processes; all of them are ready."""
    (folder / "shop.py").write_text(app_of_the_readme())
    (folder / "outbox.py").write_text(OUTBOX)
    (folder / "gunicorn.conf.py").write_text(f"workers = {workers}\n{TOGETHER}{READY}")
    (folder / "codes").mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "FLASK_SECRET_KEY": "3f0c5d1e7a9b42688d17c0e5b6a4f92d3f0c5d1e7a9b42688d17c0e5b6a4f92d",
        "FLASK_SQLALCHEMY_DATABASE_URI": database,
        "FLASK_OTPAUTH_SENDERS": json.dumps({"email": "outbox:sender"}),
        "FLASK_OTPAUTH_IP_LIMITS": "null",
        **{name: value for name, value in os.environ.items() if name.startswith("PG")},
    }
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", *options, "shop:app"]
    with ready(command, folder, environment, workers) as server:
        yield Shop(server.address, folder)
