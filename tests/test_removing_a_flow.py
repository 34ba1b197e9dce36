"""A packaged flow is its folder and one line: without them the other flows are served as before."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flask_otpauth.flows import FLOWS

PACKAGE = Path(__file__).parents[1] / "flask_otpauth"

PROGRAM = """
from flask import Flask
from flask_otpauth import OtpAuth, flows
app = Flask("host")
channels = ("email", "sms", "whatsapp", "voice", "flashcall")
app.config.update(
    TESTING=True, SECRET_KEY="a secret", OTPAUTH_DATABASE_URI="sqlite://", OTPAUTH_FLOWS=tuple(flows.FLOWS),
    OTPAUTH_SENDERS={channel: "memory" for channel in channels},
)
OtpAuth(app)
print(*app.extensions["otpauth"].mounts)
print(app.test_client().post("/pin/set").status_code)
"""


@pytest.mark.parametrize("flow", FLOWS)
def test_without_its_folder_and_its_line_a_flow_is_gone(flow: str, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "flask_otpauth", ignore=shutil.ignore_patterns("__pycache__"))
    flows = tmp_path / "flask_otpauth" / "flows"
    shutil.rmtree(flows / flow)
    door = (flows / "__init__.py").read_text("utf-8")
    door = re.sub(rf"^from flask_otpauth\.flows\.{flow} import {flow}\n", "", door, flags=re.MULTILINE)
    (flows / "__init__.py").write_text(
        re.sub(rf"\b{flow}, |, {flow}\b(?=\))|^ *\"{flow}\",\n", "", door, flags=re.MULTILINE)
    )

    # The copy is not what coverage measures.
    environment = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_START"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == f"{' '.join(name for name in FLOWS if name != flow)}\n404\n", done.stderr
