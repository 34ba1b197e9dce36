from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flask_otpauth.adapters.senders.sip.pcmu import RATE, encoded
from flask_otpauth.adapters.senders.sip.speech import EspeakNg
from tests.services import need


def a_program(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "espeak-ng"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize("locale", ["en", "vi", "ru", "id"])
def test_espeak_ng_speaks_the_packaged_languages(locale: str) -> None:
    need("espeak-ng", shutil.which("espeak-ng") is not None)

    pcmu = encoded(EspeakNg()("1, 2, 3, 4.", locale))

    assert len(pcmu) > RATE
    assert len(set(pcmu)) > 100


def test_a_language_without_a_voice_is_an_error_that_names_it() -> None:
    need("espeak-ng", shutil.which("espeak-ng") is not None)

    with pytest.raises(ValueError, match="'lo'"):
        EspeakNg()("1", "lo")


@pytest.mark.parametrize("locale", ["", "-q", "--help", "en us", "../etc", "en;ls"])
def test_what_is_no_language_does_not_reach_the_program(locale: str) -> None:
    with pytest.raises(ValueError, match="language"):
        EspeakNg()("1", locale)


def test_the_text_is_not_among_the_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path, f'echo "$@" > {tmp_path}/arguments; cat', monkeypatch)

    assert EspeakNg()("code 1234", "en") == b"code 1234"
    assert "1234" not in (tmp_path / "arguments").read_text()


@pytest.mark.parametrize(
    ("script", "words"), [("exit 1", "failed"), ("exit 0", "failed"), ("exec sleep 60", "too long")]
)
def test_a_program_that_fails_or_hangs_is_an_error(
    script: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, script, monkeypatch)

    with pytest.raises(ValueError, match=words):
        EspeakNg(seconds=0.3)("1", "en")


def test_a_program_that_is_missing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ValueError, match="not installed"):
        EspeakNg()("1", "en")
