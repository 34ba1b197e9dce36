"""Where the flow ``voice`` deviates from NIST SP 800-63B-4 and OWASP ASVS 5.0."""

from __future__ import annotations

from datetime import timedelta

from flask_otpauth.web.deviations import TELEPHONE, Deviation

_MONTH = timedelta(days=30)

DEVIATIONS = (
    TELEPHONE,
    Deviation(
        "A client may choose a code of fewer than six digits.",
        "NIST §3.1.3.2; ASVS 6.5.4",
        "OTPAUTH_{flow}_OTP_MIN_LENGTH = 6",
        lambda settings, shared: settings.otp_min_length < 6,
    ),
    Deviation(
        "A client may choose the code, which may not be random.",
        "NIST §3.2.12; ASVS 6.5.3",
    ),
    Deviation(
        "A client's token is valid for more than 30 days.",
        "ASVS 13.2.1",
        "OTPAUTH_{flow}_ACCESS_TOKEN_TTL = 86400",
        lambda settings, shared: settings.access_token_ttl > _MONTH,
    ),
)
