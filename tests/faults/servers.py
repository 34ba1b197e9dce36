"""
Database servers of the tests' own: they are restarted, killed, and their disks filled up.

Each listens on a free port of this machine, and its files are in a temporary folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from tests.servers import free_port
from tests.services import listens

#: How long a server may take to start, or to recover from a crash.
START_SECONDS = 60
_MEGABYTE = 1024 * 1024


def program(name: str) -> str | None:
    """Where a program of a database is. Debian has those of PostgreSQL in a folder of their own."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    return found or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None)


def child_pids(pid: int) -> list[int]:
    """The child processes of a process."""
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children with SIGKILL."""
    for pid in [process.pid, *child_pids(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(10)


@dataclass
class Disk:
    """A folder. If it is a file system of its own, it can be full."""

    folder: Path
    can_be_full: bool

    @contextmanager
    def filled(self) -> Iterator[None]:
        """Leave no space."""
        filler = self.folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(_MEGABYTE // 64)):
                pass
        yield
        filler.unlink()


@contextmanager
def disk(megabytes: int, owner: str) -> Iterator[Disk]:
    """A small file system in memory, or a plain folder if this process may not mount one."""
    folder = Path(tempfile.mkdtemp(prefix="otpauth-faults-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "otpauth-faults", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    if os.geteuid() == 0:
        shutil.chown(folder, owner)
    folder.chmod(0o755)
    try:
        yield Disk(folder, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Kind:
    """What differs between the servers."""

    #: The programs that it needs.
    programs: tuple[str, ...]
    #: The user of the system that it runs as, if we are root.
    owner: str
    #: How large its disk is.
    megabytes: int
    #: Returns the commands that make its files in a folder.
    creating: Callable[[Path], list[str]]
    #: Returns the command that runs it, for its files and its port.
    running: Callable[[Path, int], list[str]]
    #: The signal at which it shuts down without waiting for its clients.
    stopping: signal.Signals

    @property
    def is_here(self) -> bool:
        """Whether its programs are on this machine, and its user, if we would have to become that user."""
        users = {each.pw_name for each in pwd.getpwall()}
        return all(map(program, self.programs)) and (os.geteuid() != 0 or self.owner in users)


@dataclass
class Server:
    """A server. Its port stays the same when it is started again."""

    kind: Kind
    disk: Disk
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make its files."""
        self._run(self.kind.creating(self.disk.folder)).wait(START_SECONDS)

    def start(self) -> None:
        """Start it, and return when it listens."""
        self.process = self._run(self.kind.running(self.disk.folder, self.port))
        deadline = monotonic() + START_SECONDS
        while not listens(("127.0.0.1", self.port)):
            assert self.process.poll() is None, self.log
            assert monotonic() < deadline, self.log
            sleep(0.02)

    def start_again(self) -> None:
        """Start it if it has ended by itself, as the service manager of a machine does."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def stop(self) -> None:
        """Shut it down."""
        assert self.process is not None
        self.process.send_signal(self.kind.stopping)
        self.process.wait(START_SECONDS)

    def kill(self) -> None:
        """End all its processes at once."""
        assert self.process is not None
        kill_with_children(self.process)

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log_file.read_text(errors="replace")[-5000:]

    @property
    def _log_file(self) -> Path:
        return self.disk.folder / "log"

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        path = program(command[0])
        assert path is not None
        user = self.kind.owner if os.geteuid() == 0 else None
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.disk.folder), "LC_ALL": "C.UTF-8"}
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                [path, *command[1:]],
                stdout=log,
                stderr=log,
                cwd=self.disk.folder,
                user=user,
                env=environment,
            )


def _postgresql_files(folder: Path) -> list[str]:
    return ["initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]


def _postgresql(folder: Path, port: int) -> list[str]:
    options = {
        "listen_addresses": "127.0.0.1",
        "max_connections": 80,
        "shared_buffers": "16MB",
        "min_wal_size": "32MB",
        "max_wal_size": "64MB",
    }
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return ["postgres", "-D", f"{folder}/data", "-k", str(folder), "-p", str(port), *given]


def _mariadb_files(folder: Path) -> list[str]:
    files = ["--no-defaults", f"--datadir={folder}/data", "--innodb-log-file-size=16M"]
    return ["mariadb-install-db", *files, "--auth-root-authentication-method=normal", "--skip-test-db"]


def _mariadb(folder: Path, port: int) -> list[str]:
    files = ["--no-defaults", f"--datadir={folder}/data", f"--socket={folder}/socket"]
    sizes = ["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=32M"]
    return ["mariadbd", *files, *sizes, "--bind-address=127.0.0.1", f"--port={port}"]


POSTGRESQL = Kind(("initdb", "postgres"), "postgres", 256, _postgresql_files, _postgresql, signal.SIGINT)
MARIADB = Kind(("mariadb-install-db", "mariadbd"), "mysql", 384, _mariadb_files, _mariadb, signal.SIGTERM)


@contextmanager
def running(kind: Kind) -> Iterator[Server]:
    """A server with empty files."""
    with disk(kind.megabytes, kind.owner) as own:
        server = Server(kind, own)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.kill()
