"""Where the flow ``email`` deviates from NIST SP 800-63B-4 and OWASP ASVS 5.0."""

from __future__ import annotations

from datetime import timedelta

from flask_otpauth.web.deviations import NOT_BOUND_TO_THE_BROWSER, TIME_TELLS_DISABLED_ACCOUNTS, Deviation

_MONTH = timedelta(days=30)

DEVIATIONS = (
    NOT_BOUND_TO_THE_BROWSER,
    TIME_TELLS_DISABLED_ACCOUNTS,
    Deviation(
        "A code by e-mail only proves access to a mailbox. It confirms an address, and is neither an "
        "out-of-band authenticator nor a second factor.",
        "NIST §3.1.3.1; ASVS 6.3.3, 6.3.6",
        of_codes=True,
    ),
    Deviation(
        "A session can last longer than 30 days without a new login.",
        "NIST §2.1.3; ASVS 7.1.1",
        "OTPAUTH_{flow}_SESSION_MAX_AGE = 2592000",
        lambda settings, shared: settings.session_max_age > _MONTH,
    ),
    Deviation(
        "For a short time, a used refresh token returns the same new tokens again.",
        "ASVS 10.4.5",
        "OTPAUTH_{flow}_REFRESH_GRACE = 0",
        lambda settings, shared: bool(settings.refresh_grace),
    ),
)
