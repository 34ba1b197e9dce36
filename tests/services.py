"""The outside services that some tests need, and what happens where one is not running."""

from __future__ import annotations

import os
import socket

import pytest

POSTGRESQL_ADDRESS = ("127.0.0.1", 5432)
POSTGRESQL_URL = "postgresql+psycopg://postgres@127.0.0.1:5432/test"
MARIADB_ADDRESS = ("127.0.0.1", 3306)
MARIADB_URL = "mysql+pymysql://root@127.0.0.1:3306/test"
REDIS_ADDRESS = ("127.0.0.1", 6379)
REDIS_URL = "redis://127.0.0.1:6379"
RABBITMQ_ADDRESS = ("127.0.0.1", 5672)
RABBITMQ_URL = "amqp://guest:guest@127.0.0.1:5672//"


def need(service_name: str, available: bool) -> None:
    """
    Skip the test, saying why, where ``service_name`` is not ``available``.

    With ``OTPAUTH_TEST_SERVICES=required`` it fails instead: CI must not skip in silence.
    """
    if available:
        return
    if os.environ.get("OTPAUTH_TEST_SERVICES") == "required":
        pytest.fail(f"{service_name} is required and not running here", pytrace=False)
    pytest.skip(f"{service_name} is not running here")


def listens(address: tuple[str, int]) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection(address, timeout=2):
            return True
    except OSError:
        return False
