"""The commands of a page, run by a shell in the folder of an app, as a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of that language on a page, in order."""
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def replaced(shown: str, *values: tuple[str, str]) -> str:
    """Fill in what a reader has to fill in. Each value must be shown once."""
    real = dict(values)
    for old in real:
        assert shown.count(old) == 1, f"{old!r} is not in {shown!r}"
    # All at once: what is filled in may hold what another value stands for.
    return re.sub("|".join(map(re.escape, real)), lambda found: real[found[0]], shown)


#: Logs in by the code that the console is shown, and prints what the app answers.
_LOGIN = """
import contextlib, io, re
from shop import create_app
client, console = create_app().test_client(), io.StringIO()
with contextlib.redirect_stdout(console):
    asked = client.post("/apis/auth/request-otp", json={{"email": "{email}"}})
if asked.status_code != 200:
    raise SystemExit(f"{{asked.status_code}}")
code = re.search("code +([0-9]+)", console.getvalue())[1]
answer = client.post("/apis/auth/verify-otp", json={{"email": "{email}", "otpCode": code}})
print(answer.json["message"])
"""


@dataclass(frozen=True)
class Shell:
    """A folder with the app in ``shop.py``, and the variables that configure it."""

    folder: Path
    variables: dict[str, str]

    @classmethod
    def on_sqlite(cls, folder: Path, **variables: str) -> Shell:
        """A shell with the variables that a first try needs, and others."""
        return cls(
            folder,
            {
                "FLASK_APP": "shop",
                "FLASK_SECRET_KEY": "3f0c5d1e7a9b42688d17c0e5b6a4f92d3f0c5d1e7a9b42688d17c0e5b6a4f92d",
                "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/shop.db",
                "FLASK_OTPAUTH_SENDERS": '{"email": "console"}',
                **variables,
            },
        )

    def write(self, source: str) -> None:
        """Put the app there."""
        (self.folder / "shop.py").write_text(source, "utf-8")

    def environment(self, **variables: str) -> dict[str, str]:
        """All variables that the commands see."""
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **self.variables,
            **variables,
        }

    def attempt(self, commands: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``commands``, the end of which is the first that fails."""
        return subprocess.run(
            ["bash", "-euc", commands],
            cwd=self.folder,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, commands: str, **variables: str) -> str:
        """What ``commands`` print, none of which fails."""
        done = self.attempt(commands, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def login(self, email: str) -> str:
        """What the app answers and logs when somebody logs in by code."""
        done = self.attempt(f"python - <<'EOF'\n{_LOGIN.format(email=email)}\nEOF")
        return (done.stdout + done.stderr).strip()
