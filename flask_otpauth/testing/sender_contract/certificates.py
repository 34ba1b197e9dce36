"""Tests for servers that pretend to be the provider."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flask_otpauth.testing.sender_contract.base import ContractBase
from flask_otpauth.testing.sender_contract.provider import HostileProvider, answers

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

#: Starts a server with a certificate for that name. ``None`` stands for the address of the provider.
Impostor = Callable[[str | None], HostileProvider]


class CertificateContract(ContractBase):
    """Nothing is sent to a server that cannot prove who it is. These tests need ``cryptography``."""

    @pytest.fixture
    def impostor(self, tmp_path: Path) -> Iterator[Impostor]:
        """Return a function that starts a server with a certificate of its own."""
        running: list[HostileProvider] = []

        def start(name: str | None) -> HostileProvider:
            file = tmp_path / "server.pem"
            write_certificate(file, name)
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(file)
            running.append(HostileProvider(answers(self.accepted), tls))
            return running[-1]

        yield start
        for provider in running:
            provider.close()

    def test_a_certificate_of_another_name_is_refused_before_anything_is_sent(
        self, impostor: Impostor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider = impostor("another.test")
        # OpenSSL trusts the issuers in this file, so that only the name is wrong.
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))

        receipt = self.send(provider)

        assert receipt.status.may_fail_over
        assert provider.requests == []

    def test_a_certificate_of_an_unknown_issuer_is_refused_before_anything_is_sent(
        self, impostor: Impostor
    ) -> None:
        provider = impostor(None)

        receipt = self.send(provider)

        assert receipt.status.may_fail_over
        assert provider.requests == []


def write_certificate(file: Path, name: str | None) -> None:
    """Write a key and its self-signed certificate for ``name``, or for the loopback address."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = _certificate(key, address if name is None else x509.DNSName(name))
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


def _certificate(key: EllipticCurvePrivateKey, name: x509.GeneralName) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "flask_otpauth.testing")])
    # It is compared with the clock of the system, which no test moves.
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
