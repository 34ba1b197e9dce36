"""Where the flow ``sms`` deviates from NIST SP 800-63B-4 and OWASP ASVS 5.0."""

from __future__ import annotations

from datetime import timedelta

from flask_otpauth.web.deviations import (
    NOT_BOUND_TO_THE_BROWSER,
    TELEPHONE,
    TIME_TELLS_DISABLED_ACCOUNTS,
    Deviation,
)

_MONTH = timedelta(days=30)

DEVIATIONS = (
    TELEPHONE,
    NOT_BOUND_TO_THE_BROWSER,
    TIME_TELLS_DISABLED_ACCOUNTS,
    Deviation(
        "The response reveals which phone numbers have an account.",
        "ASVS 6.3.8",
        "OTPAUTH_{flow}_UNKNOWN_PHONE = 'send'",
        lambda settings, shared: settings.unknown_phone == "reject",
    ),
    Deviation(
        "A client's token is valid for more than 30 days.",
        "ASVS 13.2.1",
        "OTPAUTH_{flow}_TOKEN_TTL = 86400",
        lambda settings, shared: settings.token_ttl > _MONTH,
    ),
)
