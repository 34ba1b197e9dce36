"""What a host declares of its trunk, without code."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ImportString,
    SecretStr,
    StrictBool,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from flask_otpauth.adapters.senders.numbers import is_number
from flask_otpauth.adapters.senders.sip.speech import EspeakNg, TextToSpeech

Seconds = Annotated[float, Field(gt=0, le=300)]

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_DEFAULT_PORT = 5060
#: What can be in a URI without an escape, so that no header can be smuggled in (RFC 3261 §25.1).
_URI = re.compile(r"sips?:[A-Za-z0-9_.!~*'()&=+$,;?/%:@\[\]-]+")
_IMPORTED: TypeAdapter[Any] = TypeAdapter(ImportString)
_EXAMPLE = {"recipient": "+8498", "digits": "8498", "domain": "example.com"}


class SipTrunk(BaseModel):
    """How calls are placed through one trunk, registrar or phone. Its ``repr`` shows no password."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    server: str = Field(
        description="Host and port, such as `sip.example.com:5060`. The port can be left out."
    )
    transport: Literal["udp", "tcp"] = Field("udp", description="How messages are sent.")
    username: str = Field(
        "", description="The name for digest authentication. Empty: without authentication."
    )
    password: SecretStr = Field(SecretStr(""), description="The password for digest authentication.")
    domain: str = Field("", description="The domain of all addresses. Empty: the host in `server`.")
    uri: str = Field(
        "sip:{recipient}@{domain}",
        description="The address that is called. `{recipient}` is the number with `+`, `{digits}` without.",
    )
    caller_number: str = Field("", description="The number to call from, for messages that have none.")
    asserted_identity: StrictBool = Field(
        False,
        description="Also give the number to call from in `P-Asserted-Identity`, as some trunks demand.",
    )
    connect_seconds: Seconds = Field(5, description="How long the trunk may take for its first answer.")
    answer_seconds: Seconds = Field(
        30, description="How long the phone may take to ring (flash call), or to be answered (voice)."
    )
    ring_seconds: float = Field(2, ge=0, le=60, description="How long a flash call rings before it is ended.")
    total_seconds: float = Field(
        90, ge=5, le=600, description="The longest time for everything, speech included."
    )
    t1_seconds: Annotated[float, Field(ge=0.01, le=5)] = Field(
        0.5, description="The timer T1 of RFC 3261, after which a lost message is sent again over UDP."
    )
    speech: Any = Field(
        "espeak-ng",
        description="What speaks: the program espeak-ng, or a function `(text, locale) -> bytes` that "
        "returns WAV, or 16-bit samples of 8 kHz mono; also as a dotted path.",
    )

    @field_validator("server")
    @classmethod
    def _is_server(cls, value: str) -> str:
        found = _SERVER.fullmatch(value)
        if not found or not 0 < int(found[2] or _DEFAULT_PORT) < 65_536:
            raise ValueError("expected a host and a port, such as 'sip.example.com:5060'")
        return value

    @field_validator("domain")
    @classmethod
    def _is_domain(cls, value: str) -> str:
        if value and not _SERVER.fullmatch(value):
            raise ValueError("expected a domain, such as 'sip.example.com'")
        return value

    @field_validator("username")
    @classmethod
    def _is_username(cls, value: str) -> str:
        if "\r" in value or "\n" in value:  # a name that was read from a file may end with one
            raise ValueError("a header cannot have a line break")
        return value

    @field_validator("uri")
    @classmethod
    def _is_uri(cls, value: str) -> str:
        try:
            filled = value.format(**_EXAMPLE)
        except (LookupError, AttributeError, ValueError):
            filled = ""
        if not _URI.fullmatch(filled) or "8498" not in filled:
            raise ValueError("expected a SIP address with {recipient} or {digits}, and perhaps {domain}")
        return value

    @field_validator("caller_number")
    @classmethod
    def _is_number(cls, value: str) -> str:
        if value and not is_number(value):
            raise ValueError("expected a phone number")
        return value

    @field_validator("speech")
    @classmethod
    def _speaks(cls, value: object) -> object:
        if isinstance(value, str) and value != "espeak-ng":
            try:
                value = _IMPORTED.validate_python(value)
            except ValidationError:
                raise ValueError(f"cannot import {value!r}") from None
        if value != "espeak-ng" and not callable(value):
            raise ValueError("expected 'espeak-ng', a function or 'package.module:function'")
        return value

    @property
    def host(self) -> str:
        """The host in ``server``, without the brackets of an IPv6 address."""
        return self._server()[0].strip("[]")

    @property
    def port(self) -> int:
        """The port in ``server``."""
        return int(self._server()[1] or _DEFAULT_PORT)

    def callee(self, recipient: str) -> str:
        """Return the address that is called for a phone number."""
        return self.uri.format(recipient=recipient, digits=recipient.lstrip("+"), domain=self._domain)

    def caller(self, number: str) -> str:
        """Return the address that calls. ``number`` is what the phone shows; it may be empty."""
        number = number or self.caller_number
        return f"sip:{number}@{self._domain}" if number else f"sip:{self._domain}"

    def speak(self) -> TextToSpeech:
        """Return what speaks."""
        speech: TextToSpeech = EspeakNg() if self.speech == "espeak-ng" else self.speech
        return speech

    @property
    def _domain(self) -> str:
        return self.domain or self._server()[0]

    def _server(self) -> tuple[str, str | None]:
        found = _SERVER.fullmatch(self.server)
        assert found is not None  # noqa: S101 - it was checked when the trunk was declared
        return found[1], found[2]
