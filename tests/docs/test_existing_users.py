"""The page for apps that have users, followed word for word: a shop, its migrations and its customers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = (DOCS / "examples/existing_users.py").read_text("utf-8")
COMMANDS = re.findall(
    r"```sh\n(.*?)```", (DOCS / "howto/users-that-were-there.md").read_text("utf-8"), re.DOTALL
)
#: The shop as it was: without what the example marks as new.
BEFORE = "\n".join(
    re.sub(r"\(UserMixin, (.*)  # new: the mixin", r"(\1", line)
    for line in EXAMPLE.splitlines()
    if not line.endswith("# new") and "OTPAUTH" not in line
)


def run(folder: Path, command: str) -> str:
    """What commands print, in the shop's folder."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FLASK_APP": "shop:create_app",
        "FLASK_SECRET_KEY": "docs/howto/users-that-were-there.md: not a secret",
        "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/shop.db",
        "FLASK_OTPAUTH_SENDERS": '{"email": "console"}',
    }
    done = subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(400)  # a dozen processes, one after the other
def test_who_follows_the_page_keeps_their_users_and_can_go_back(tmp_path: Path) -> None:
    shop = tmp_path / "shop.py"
    shop.write_text(BEFORE, "utf-8")
    run(tmp_path, "flask db init && flask db migrate && flask db upgrade")
    run(
        tmp_path,
        f"""{sys.executable} - <<'EOF'
from shop import User, create_app, db
with create_app().app_context():
    db.session.add_all([User(email="Ann@Example.com"), User(email="Bob@Example.com", is_active=False)])
    db.session.commit()
EOF""",
    )

    shop.write_text(EXAMPLE, "utf-8")
    said = "".join(run(tmp_path, commands) for commands in COMMANDS)
    ann, bob = (
        json.loads(run(tmp_path, f"flask otpauth users show --json {name}@example.com"))[0]
        for name in ("ann", "bob")
    )
    again = run(tmp_path, "flask db migrate && ls migrations/versions/*.py | wc -l")
    run(tmp_path, "flask db downgrade && flask db upgrade")

    assert "2 keys would be written.\n2 keys written.\n" in said
    assert "backfill writes it" not in said
    assert (ann["id"], ann["email"], ann["is_enabled"]) == (1, "Ann@Example.com", True)
    assert (bob["id"], bob["is_enabled"]) == (2, False)
    assert again.split()[-1] == "2"
