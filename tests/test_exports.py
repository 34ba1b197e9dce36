"""What is public is what ``__all__`` says, no more and no less."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

# What the documentation promises. More may be exported; nothing of this may go.
PROMISED = {
    "flask_otpauth": {"ConfigurationError", "OtpAuth", "OtpAuthError", "Refusal"},
    "flask_otpauth.senders": {
        "ConsoleSender",
        "MailSender",
        "MemorySender",
        "Message",
        "Receipt",
        "Sender",
        "Status",
    },
    "flask_otpauth.testing": {"StorageContract"},
    "flask_otpauth.users": {"Directory", "User", "UserMixin"},
}


@pytest.mark.parametrize("name", PROMISED)
def test_all_is_sorted_and_complete(name: str) -> None:
    module = importlib.import_module(name)

    public = {
        attribute
        for attribute in dir(module)
        if not attribute.startswith("_") and not isinstance(getattr(module, attribute), ModuleType)
    }

    assert module.__all__ == sorted(public - {"annotations"})  # of "from __future__ import annotations"


@pytest.mark.parametrize(("name", "promised"), PROMISED.items())
def test_what_is_promised_is_there(name: str, promised: set[str]) -> None:
    module = importlib.import_module(name)

    assert promised <= set(module.__all__)


@pytest.mark.parametrize("error", ["ConfigurationError", "Refusal"])
def test_one_except_catches_every_error_of_the_package(error: str) -> None:
    module = importlib.import_module("flask_otpauth")

    assert issubclass(getattr(module, error), module.OtpAuthError)


def test_what_serves_any_test_runner_is_there_without_pytest() -> None:
    program = """
import sys
sys.modules["pytest"] = None  # as if it were not installed
from flask_otpauth.testing import MovableClock, Outbox
try:
    from flask_otpauth.testing import StorageContract
except ImportError as error:
    print(error.name)
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("pytest\n", "")


def test_a_test_kit_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        importlib.import_module("flask_otpauth.testing").Nothing  # noqa: B018
