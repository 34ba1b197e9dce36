from __future__ import annotations

import hashlib
import hmac
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core.keys import (
    DIGEST_BYTES,
    KeyRing,
    Mac,
    derive,
    from_base64url,
    keyed_digest,
    to_base64url,
)

OLD, NEW, SUBJECT = b"o" * 32, b"n" * 32, b"s" * 32
parts = st.lists(st.text(max_size=6), max_size=4)


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869 §2, for an output of one block."""
    pseudorandom_key = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(pseudorandom_key, info + bytes([1]), hashlib.sha256).digest()


def test_the_helper_above_is_the_rfcs_function() -> None:
    # RFC 5869, appendix A.3: no salt is a salt of zeros. Its output is 42 bytes long.
    first_block = hkdf(b"\x0b" * 22, b"\0" * 32, b"")

    assert first_block.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


@given(st.binary(min_size=1, max_size=80), st.text(max_size=20))
def test_a_key_is_derived_as_the_rfc_says(secret: bytes, use: str) -> None:
    assert derive(secret, use) == hkdf(secret, b"flask_otpauth", use.encode())


def test_keys_of_different_uses_and_secrets_differ() -> None:
    keys = [derive(secret, use) for secret in (OLD, NEW) for use in ("codes", "rows", "access")]

    assert all(one != other for one, other in combinations(keys, 2))


@given(st.binary(max_size=130), st.binary(max_size=200))
def test_a_mac_is_that_of_the_standard_library(key: bytes, message: bytes) -> None:
    mac = Mac(key)

    assert [mac.digest(message), mac.digest(b""), mac.digest(message)] == [
        hmac.digest(key, text, "sha256") for text in (message, b"", message)
    ]


@given(parts, parts)
def test_no_two_lists_of_parts_read_alike(one: list[str], other: list[str]) -> None:
    alike = keyed_digest(Mac(NEW), *one) == keyed_digest(Mac(NEW), *other)

    assert alike == (one == other)


@given(st.lists(st.text(max_size=6) | st.text("aé", min_size=126, max_size=129), max_size=4))
def test_each_part_is_digested_with_the_length_of_its_bytes(all_parts: list[str]) -> None:
    encoded = [part.encode() for part in all_parts]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in encoded)

    assert keyed_digest(Mac(NEW), *all_parts) == hmac.digest(NEW, message, "sha256")


def test_a_digest_is_as_wide_as_its_column() -> None:
    assert len(keyed_digest(Mac(NEW), "a")) == DIGEST_BYTES


def test_new_digests_are_made_with_the_newest_key_and_older_ones_are_accepted() -> None:
    before, after = KeyRing((OLD,), SUBJECT), KeyRing((NEW, OLD), SUBJECT)

    assert after.all("codes") == (derive(NEW, "codes"), derive(OLD, "codes"))
    assert before.digests("codes", "login", "123456")[0] == after.digests("codes", "login", "123456")[1]


def test_rows_stay_where_they_are_when_secrets_rotate() -> None:
    keys = {
        KeyRing(secrets, SUBJECT).row_key("email", "", "a@example.com")
        for secrets in ((OLD,), (NEW, OLD), (NEW,))
    }

    assert len(keys) == 1
    assert keys != {KeyRing((OLD,), b"t" * 32).row_key("email", "", "a@example.com")}


def test_rows_stay_where_they_are_from_release_to_release() -> None:
    row = KeyRing((OLD,), SUBJECT).row_key("email", "", "a@example.com")

    assert row.hex() == "9c97f3ee2db728745e3126564ebc31925d78eee5a687643d52cd482807021a0f"


def test_a_key_ring_shows_no_key() -> None:
    assert repr(KeyRing((OLD, NEW), SUBJECT)) == "KeyRing()"


def test_a_derived_key_is_kept_and_still_hidden() -> None:
    ring = KeyRing((NEW,), SUBJECT)

    assert (
        ring.digests("codes", "a")
        == ring.digests("codes", "a")
        == (keyed_digest(Mac(derive(NEW, "codes")), "a"),)
    )
    assert ring.digests("codes", "a") != ring.digests("refresh tokens", "a")
    assert ring.subject_digest("pin", "a") == keyed_digest(Mac(derive(SUBJECT, "pin")), "a")
    assert (repr(ring), ring) == ("KeyRing()", KeyRing((NEW,), SUBJECT))


# -- base64url ------------------------------------------------------------------------------------


@given(st.binary(max_size=40))
def test_bytes_come_back_from_their_text(raw: bytes) -> None:
    text = to_base64url(raw)

    assert "=" not in text
    assert from_base64url(text) == raw


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "Q+", "Q/", "QQ\n", " QQ", "ÄÖ", "\ud800"])
def test_a_text_that_encoding_does_not_return_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the standard library's, in several words
        from_base64url(text)
