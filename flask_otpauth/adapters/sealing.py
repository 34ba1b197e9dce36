"""Sealing with Fernet (AES-128-CBC and HMAC-SHA-256) of the package ``cryptography``."""

from __future__ import annotations

import base64
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.ports.sealing import Unsealable

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


def can_seal() -> bool:
    """Return whether the extra ``crypto`` is installed."""
    return find_spec("cryptography") is not None


class FernetSealing:
    """A :class:`~flask_otpauth.ports.sealing.Sealing` with keys of the app's secrets."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal(self, text: str) -> str:
        """See the port."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """See the port."""
        # Imported when it is needed: it takes longer than the rest of the package.
        from cryptography.fernet import InvalidToken

        try:
            return Sensitive(self._fernet.decrypt(sealed.encode()), "utf-8")
        except InvalidToken:
            raise Unsealable from None

    @cached_property
    def _fernet(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in self._keys.all("sealing")])
