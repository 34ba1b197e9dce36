"""Real phones: ``baresip`` and ``sipp``, as Debian packages them."""

from __future__ import annotations

import queue
import random
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.services import need

PATIENCE_SECONDS = 20

#: The audio devices are a bridge to nowhere, and what is heard is written to a file.
CONFIG = """
poll_method epoll
sip_listen 127.0.0.1:{port}
net_interface 127.0.0.1
audio_player aubridge,nowhere
audio_source aubridge,nowhere
audio_alert aubridge,nowhere
snd_path {folder}
module_path {modules}
module stdio.so
module g711.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
"""
MODULES = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules")


class Phone:
    """A running program, what it prints, and where it listens."""

    def __init__(self, command: list[str], server: str, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.printed: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """What the next line that fits says."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE_SECONDS)
            except queue.Empty:
                raise AssertionError(f"no line fits {pattern!r} in: {''.join(self.printed)}") from None
            self.printed.append(line)
            found = re.search(pattern, line)
            if found:
                return found

    def type(self, keys: str) -> None:
        """Press keys."""
        assert self._process.stdin is not None
        self._process.stdin.write(keys)
        self._process.stdin.flush()

    def end(self) -> int:
        """Wait until the program has ended by itself: its exit status."""
        return self._process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(PATIENCE_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()


@contextmanager
def baresip(folder: Path, number: str, answers: bool = False) -> Iterator[Phone]:
    """A softphone with that number. If it ``answers``, it does so at once."""
    need("baresip", shutil.which("baresip") is not None)
    modules = next(each for each in MODULES if Path(each).is_dir())
    port = _free_port()
    mode = "auto" if answers else "manual"
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder, modules=modules))
    (folder / "accounts").write_text(f"<sip:{number}@127.0.0.1>;regint=0;answermode={mode}\n")
    (folder / "contacts").touch()
    command = ["stdbuf", "-oL", "baresip", "-f", str(folder), "-v"]
    phone = Phone(command, f"127.0.0.1:{port}", folder)
    try:
        phone.wait_for("baresip is ready")
        yield phone
    finally:
        phone.close()


@contextmanager
def sipp(folder: Path, scenario: str, transport: str = "udp") -> Iterator[Phone]:
    """A phone that follows a scenario for one call. It prints what its log actions say."""
    need("sipp", shutil.which("sipp") is not None)
    port = _free_port()
    (folder / "scenario.xml").write_text(scenario)
    command = ["sipp", "-sf", "scenario.xml", "-i", "127.0.0.1", "-p", str(port), "-m", "1", "-nostdin"]
    command += ["-t", {"udp": "u1", "tcp": "t1"}[transport], "-timeout", "30s", "-trace_logs"]
    command += ["-log_file", "/dev/stdout", "-trace_err", "-error_file", "/dev/stdout"]
    phone = Phone(command, f"127.0.0.1:{port}", folder)
    try:
        _await_socket(port, transport)
        yield phone
    finally:
        phone.close()


def _free_port() -> int:
    """A port that is free for UDP and TCP. It is none that the system gives to others meanwhile."""
    while True:
        port = random.randrange(20_000, 32_000)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            suppress(OSError),
        ):
            datagrams.bind(("127.0.0.1", port))
            stream.bind(("127.0.0.1", port))
            return port


#: The state of a socket that listens, as the system writes it.
_LISTENS = {"udp": "07", "tcp": "0A"}


def _listens(port: int, transport: str) -> bool:
    """
    Return what the system says.

    To bind the port could keep the phone from it, and a port that is bound may not take connections yet.
    """
    sockets = [line.split() for line in Path(f"/proc/net/{transport}").read_text().splitlines()[1:]]
    return any(
        address.endswith(f":{port:04X}") and state == _LISTENS[transport]
        for _, address, _, state, *_ in sockets
    )


def _await_socket(port: int, transport: str) -> None:
    """Wait until somebody listens on that port."""
    for _ in range(2000):
        if _listens(port, transport):
            return
        threading.Event().wait(0.01)
    raise AssertionError("the phone did not start")
