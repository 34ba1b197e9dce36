"""The system's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from flask_otpauth.ports.clock import Clock

#: Now, as an aware datetime in UTC.
system_clock: Clock = partial(datetime.now, UTC)
