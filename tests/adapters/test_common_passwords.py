from __future__ import annotations

from importlib import resources

import pytest

from flask_otpauth.adapters.passwords.common import common_passwords
from flask_otpauth.core.passwords import LONGEST, SHORTEST, normalize, password_problem


def test_the_list_holds_what_it_can_be_compared_with() -> None:
    lines = (
        (resources.files("flask_otpauth") / "data" / "common-passwords.txt").read_text("utf-8").splitlines()
    )

    assert len(lines) > 10_000
    assert lines == sorted(set(lines))
    assert all(SHORTEST <= len(line) <= LONGEST for line in lines)
    assert all(line == normalize(line).casefold() == line.strip() for line in lines)
    assert common_passwords() == set(lines)


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1",
        "P@ssw0rd",
        "PASSW0RD123",
        "12345678",
        "1234567890",
        "11111111",
        "qwertyuiop",
        "1q2w3e4r",
        "iloveyou",
        "Summer2025!",
        "Welcome@123",
        "football",
        "letmein123",
        "matkhau123",
        "anhyeuem",
        "rahasia123",
        "bismillah",
        "gfhjkm123",
        "privet123",
        "ｐａｓｓｗｏｒｄ",
    ],
)
def test_what_guessers_try_first_is_refused(password: str) -> None:
    assert password_problem(password, (), common_passwords()) == "common"


@pytest.mark.parametrize(
    "password",
    [
        "secure_password",
        "new_secure_password",
        "securepassword123",
        "kíp nổ chậm 7",
        "tr0ub4dor & son",
        "ລະຫັດຜ່ານຍາວ",
    ],
)
def test_the_documents_examples_and_uncommon_passwords_are_accepted(password: str) -> None:
    assert password_problem(password, ("foo@bar.com", "M-1000"), common_passwords()) is None
