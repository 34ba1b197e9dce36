"""Time comes from outside (``OTPAUTH_CLOCK``), so that a test moves it and nobody sleeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

#: Returns the current instant as an aware datetime.
Clock = Callable[[], datetime]
