"""A real mail server on the loopback interface. Each test decides how it behaves."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HANG = "hang"
CLOSE = "close"


@dataclass
class Behavior:
    """How the server answers. With ``HANG`` it never answers, with ``CLOSE`` it closes the connection."""

    at_mail: str = "250 OK"
    at_rcpt: str = "250 OK"
    at_dot: str = "250 OK"
    at_quit: str = "221 Bye"
    accepts_password: bool = True
    envelopes: list[Envelope] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds its hooks by these names
        self, server: Any, session: Any, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.greetings.append(hostname)
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer(server, self.at_mail)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return await self._answer(server, self.at_rcpt)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return await self._answer(server, self.at_dot)

    async def handle_QUIT(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        return await self._answer(server, self.at_quit)

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Accept or refuse any password, as ``accepts_password`` says."""
        return AuthResult(success=self.accepts_password, handled=False)

    async def _answer(self, server: Any, reply: str) -> str:
        if reply == HANG:
            await asyncio.Event().wait()
        if reply == CLOSE:
            server.transport.abort()
        return reply


class LoopbackController(Controller):
    """Listens on a free port."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd says no types here


@dataclass
class MailServer:
    """A running server and its behavior."""

    behavior: Behavior
    port: int

    @property
    def envelopes(self) -> list[Envelope]:
        """Every mail that was sent up to the final dot, also if the server refused it then."""
        return self.behavior.envelopes

    @property
    def mail(self) -> EmailMessage:
        """The only mail that was received, parsed."""
        (envelope,) = self.envelopes
        assert isinstance(envelope.content, bytes)
        return message_from_bytes(envelope.content, policy=policy.default)


StartServer = Callable[..., MailServer]


@dataclass
class Tls:
    """A certificate for 127.0.0.1 that only ``client`` trusts."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def write_certificate(path: Path) -> None:
    """Write a key and its self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
