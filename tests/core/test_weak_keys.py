"""Secrets that can be guessed are refused, and random ones never are."""

from __future__ import annotations

import base64
import secrets
import uuid

import pytest

from flask_otpauth.core.weak_keys import is_weak

KNOWN = [
    "change-me-change-me-change-me-change-me",
    "changeme_changeme_changeme_changeme_2024",
    "CHANGE THIS TO A LONG SECRET KEY, PLEASE",
    "your-secret-key-here-your-secret-key-here",
    "your_super_secret_key_goes_here_please_change",
    "dev-0123456789abcdef0123456789abcdef0123456789abcdef",
    "test-secret-0123456789abcdef0123456789abcdef",
    "this-is-my-super-secret-key-for-the-flask-app",
    "replace-me-with-a-random-secret-in-production",
    "<replace this placeholder with your own key!!>",
    "secretsecretsecretsecretsecretsecret",
    "Password123!Password123!Password123!",
    "example-example-example-example-example",
    "0123456789abcdef0123456789abcdef0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "qwertyuiopasdfghjklzxcvbnm1234567890",
    "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    "xY7!xY7!xY7!xY7!xY7!xY7!xY7!xY7!xY7!",
    "kD9x2mQ7zR4vkD9x2mQ7zR4vkD9x2mQ7zR4vkD9x",
    "a" * 64,
    "short but Random? 8fK2",
    # The keys in the documentation of Flask and of FastAPI.
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
]

ACCEPTED = [
    "cases-0123456789abcdef0123456789abcdef0123456789abcdef",
    "key1-0123456789abcdef0123456789abcdef0123456789abcdef",
    "bench-only-secret-key-0123456789abcdef0123456789abcdef0123456789abcdef",
    "a test's own secret of more than 32 bytes",
    "dev-" + "9b1fd3a07c52e86414a8e0c3d97f6b25",
]


@pytest.mark.parametrize("key", KNOWN)
def test_a_key_that_others_know_or_could_guess_is_weak(key: str) -> None:
    assert is_weak(key.encode())


@pytest.mark.parametrize("key", KNOWN)
def test_capitals_and_a_line_end_make_it_no_better(key: str) -> None:
    assert is_weak(f"{key.upper()}\n".encode())


@pytest.mark.parametrize("key", ACCEPTED)
def test_words_do_not_make_a_key_weak_where_enough_else_is_in_it(key: str) -> None:
    assert not is_weak(key.encode())


FORMATS = {
    "hex": lambda drawn: drawn.hex().encode(),
    "short hex": lambda drawn: drawn[:16].hex().encode(),
    "capital hex": lambda drawn: drawn.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64url": lambda drawn: base64.urlsafe_b64encode(drawn).rstrip(b"="),
    "base32": base64.b32encode,
    "base85": base64.b85encode,
    "bytes": lambda drawn: drawn,
    "digits": lambda drawn: str(int.from_bytes(drawn) + 10**70).encode(),
    "two uuids": lambda drawn: "".join(
        str(uuid.UUID(bytes=half, version=4)) for half in (drawn[:16], drawn[16:])
    ).encode(),
    "one uuid": lambda drawn: str(uuid.UUID(bytes=drawn[:16], version=4)).encode(),
    "django": lambda drawn: b"django-insecure-" + base64.b64encode(drawn),
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_random_key_of_any_usual_form_is_never_weak(form: str) -> None:
    # Random bytes of the system, not of hypothesis, which prefers simple values.
    weak = [key for _ in range(500) if is_weak(key := FORMATS[form](secrets.token_bytes(32)))]

    assert weak == []
