"""The time comes from outside (``OTPAUTH_CLOCK``), so that a test can move it and need not sleep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

#: Returns the current instant as an aware datetime, in any time zone.
Clock = Callable[[], datetime]
