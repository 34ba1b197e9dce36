"""Mail servers for the tests of this folder."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.adapters.senders.mail_server import (
    Behavior,
    LoopbackController,
    MailServer,
    StartServer,
    Tls,
    write_certificate,
)


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Return a function that starts a mail server. Its options are those of aiosmtpd."""
    running: list[Controller] = []

    def start(behavior: Behavior | None = None, **options: Any) -> MailServer:
        behavior = behavior or Behavior()
        controller = LoopbackController(
            behavior, hostname="127.0.0.1", port=0, authenticator=behavior.authenticate, **options
        )
        controller.start()
        running.append(controller)
        return MailServer(behavior, controller.port)

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    write_certificate(path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return Tls(server, ssl.create_default_context(cafile=str(path)))
