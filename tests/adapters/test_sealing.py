"""Sealing: what is sealed is read by who has a secret of the list, and by nobody else."""

from __future__ import annotations

import pytest

from flask_otpauth.adapters.sealing import FernetSealing, can_seal
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.ports.sealing import Unsealable

OLD, NEW = b"an old secret of more than 32 bytes", b"a new secret of more than 32 bytes"
TEXT = "the code is 482913: mã của bạn ✓"


def sealing_of(*secrets: bytes) -> FernetSealing:
    return FernetSealing(KeyRing(secrets, secrets[-1]))


def test_what_is_sealed_can_be_opened_and_does_not_show() -> None:
    sealing = sealing_of(NEW)

    sealed = [sealing.seal(TEXT) for _ in range(2)]

    assert [sealing.open(each) for each in sealed] == [TEXT, TEXT]
    assert sealed[0] != sealed[1]
    assert sealed[0].isascii()
    assert "482913" not in sealed[0]
    assert repr(sealing.open(sealed[0])) == "'***'"


def test_a_secret_that_was_rotated_opens_as_long_as_it_is_on_the_list() -> None:
    sealed = sealing_of(OLD).seal(TEXT)

    assert sealing_of(NEW, OLD).open(sealed) == TEXT
    with pytest.raises(Unsealable):
        sealing_of(NEW).open(sealed)


def test_the_newest_secret_seals() -> None:
    assert sealing_of(NEW).open(sealing_of(NEW, OLD).seal(TEXT)) == TEXT


def test_what_was_changed_cannot_be_opened() -> None:
    sealing = sealing_of(NEW)
    sealed = sealing.seal(TEXT)

    for broken in (sealed[:-8], "", "not sealed", f"{sealed}{sealed}", sealed.swapcase()):
        with pytest.raises(Unsealable):
            sealing.open(broken)


def test_the_extra_is_installed_where_the_tests_run() -> None:
    assert can_seal()
