"""What waits in a table is encrypted, and cannot be changed."""

from __future__ import annotations

import sys

import pytest

from flask_otpauth.adapters.sealing import FernetSealing
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.ports.sealing import SealBroken

CONTENT = b"012345 for user@example.com"


def sealing(*secrets: bytes) -> FernetSealing:
    return FernetSealing(KeyRing(secrets, b"subject").all("sealing"))


def test_what_was_sealed_is_read_again_and_shows_nothing() -> None:
    sealed = sealing(b"new").seal(CONTENT)

    assert sealing(b"new").open(sealed) == CONTENT
    assert b"012345" not in sealed
    assert b"user" not in sealed


def test_the_same_content_looks_different_each_time() -> None:
    assert sealing(b"new").seal(CONTENT) != sealing(b"new").seal(CONTENT)


def test_an_older_key_opens_until_it_is_removed() -> None:
    sealed = sealing(b"old").seal(CONTENT)

    assert sealing(b"new", b"old").open(sealed) == CONTENT
    with pytest.raises(SealBroken):
        sealing(b"new").open(sealed)


def test_the_newest_key_seals() -> None:
    sealed = sealing(b"new", b"old").seal(CONTENT)

    assert sealing(b"new").open(sealed) == CONTENT


@pytest.mark.parametrize("place", [0, 20, -1])
def test_what_was_changed_is_not_opened(place: int) -> None:
    sealed = bytearray(sealing(b"new").seal(CONTENT))
    sealed[place] ^= 1

    with pytest.raises(SealBroken):
        sealing(b"new").open(bytes(sealed))


def test_no_crash_report_shows_the_content() -> None:
    opened = sealing(b"new").open(sealing(b"new").seal(CONTENT))

    assert "012345" not in repr(opened)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)

    with pytest.raises(ValueError, match=r"flask-otpauth-server\[crypto\]"):
        sealing(b"new")
