"""
A test class for a sender of your own that speaks HTTP with its provider.

::

    from flask_otpauth.testing import Answer, SenderContract

    class TestMySender(SenderContract):
        accepted = Answer(201, {"id": "m-1"})
        message_id = "m-1"
        invalid_recipient = Answer(422, {"error": "no such number"})
        secrets = ("my-token",)

        def make_sender(self, url):
            return MySender(url, "my-token", timeout_seconds=self.deadline_seconds)

The sender talks to a hostile provider on the loopback interface, which hangs, drips, closes, redirects, and
answers with nonsense.
"""

from __future__ import annotations

import pytest

# pytest must rewrite these modules before they are imported, so that a failure shows the compared values.
# So the imports below cannot be at the top of the file (E402).
_PARTS = "answers base certificates connections secrets"
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS.split()))

# Not at the top (E402): pytest rewrites the assertions of what is imported after it was told.
from flask_otpauth.testing.sender_contract.answers import AnswerContract  # noqa: E402
from flask_otpauth.testing.sender_contract.certificates import CertificateContract  # noqa: E402
from flask_otpauth.testing.sender_contract.connections import ConnectionContract  # noqa: E402
from flask_otpauth.testing.sender_contract.provider import Answer  # noqa: E402
from flask_otpauth.testing.sender_contract.secrets import SecretContract  # noqa: E402

__all__ = ["Answer", "SenderContract"]


class SenderContract(AnswerContract, ConnectionContract, CertificateContract, SecretContract):
    """
    The tests for a sender that speaks HTTP with its provider.

    A subclass overrides:

    - ``make_sender(url)``. It returns the sender for a provider at ``url``, which has no path. The sender
      must end each message within ``deadline_seconds``. A second is long enough on the loopback interface.
    - ``accepted``, the :class:`Answer` with which the provider takes a message, and ``message_id``, the id of
      the message in it.
    - ``invalid_recipient``, the answer with which the provider refuses an address. Other attributes with the
      name of a :class:`~flask_otpauth.senders.Status` are answers for which the sender must return that
      status. ``auth_error``, ``rate_limited`` and ``unavailable`` have the usual ones: 401, 429 and 503.
    - ``secrets``, the texts that the sender must not show, such as its token.
    - ``channel`` and ``recipient``, or ``message()``, if it does not send SMS.
    """
