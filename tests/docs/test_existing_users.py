"""The page for apps that have users, followed word for word: a shop, its migrations and its customers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docs.shell import DOCS, Shell, blocks

EXAMPLE = (DOCS / "examples/existing_users.py").read_text("utf-8")
COMMANDS = blocks("howto/users-that-were-there.md", "sh")
#: The shop as it was: without what the example marks as new.
BEFORE = "\n".join(
    re.sub(r"\(UserMixin, (.*)  # new: the mixin", r"(\1", line)
    for line in EXAMPLE.splitlines()
    if not line.endswith("# new") and "OTPAUTH" not in line
)


@pytest.mark.timeout(400)  # a dozen processes, one after the other
def test_who_follows_the_page_keeps_their_users_and_can_go_back(tmp_path: Path) -> None:
    shop = Shell.on_sqlite(tmp_path)
    shop.write(BEFORE)
    shop.run("flask db init && flask db migrate && flask db upgrade")
    shop.run(
        """python - <<'EOF'
from shop import User, create_app, db
with create_app().app_context():
    db.session.add_all([User(email="Ann@Example.com"), User(email="Bob@Example.com", is_active=False)])
    db.session.commit()
EOF"""
    )

    shop.write(EXAMPLE)
    said = "".join(shop.run(commands) for commands in COMMANDS)
    ann, bob = (
        json.loads(shop.run(f"flask otpauth users show --json {name}@example.com"))[0]
        for name in ("ann", "bob")
    )
    again = shop.run("flask db migrate && ls migrations/versions/*.py | wc -l")
    shop.run("flask db downgrade && flask db upgrade")

    assert "2 keys would be written.\n2 keys written.\n" in said
    assert "backfill writes it" not in said
    assert (ann["id"], ann["email"], ann["is_enabled"]) == (1, "Ann@Example.com", True)
    assert (bob["id"], bob["is_enabled"]) == (2, False)
    assert again.split()[-1] == "2"
