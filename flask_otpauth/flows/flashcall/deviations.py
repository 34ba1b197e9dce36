"""Where the flow ``flashcall`` deviates from NIST SP 800-63B-4 and OWASP ASVS 5.0."""

from __future__ import annotations

from flask_otpauth.web.deviations import TELEPHONE, Deviation

DEVIATIONS = (
    TELEPHONE,
    Deviation(
        "A client may choose the code, which may not be random.",
        "NIST §3.2.12; ASVS 6.5.3",
    ),
    Deviation(
        "A code is in a URL, so it can end up in logs and histories.",
        "ASVS 14.2.1",
        "OTPAUTH_{flow}_AUTH_GET = False, OTPAUTH_{flow}_AUTH_POST = True",
        lambda settings, shared: settings.auth_get,
    ),
    Deviation(
        "Codes in logged paths are not masked.",
        "ASVS 16.2.5",
        "OTPAUTH_{flow}_MASK_LOGS = True",
        lambda settings, shared: settings.auth_get and not settings.mask_logs,
    ),
    Deviation(
        "The response can contain the code, so it does not prove that the call was received.",
        "ASVS 14.2.6",
        "OTPAUTH_{flow}_ECHO_CODE = False",
        lambda settings, shared: settings.echo_code,
    ),
    Deviation(
        "A client may send its secret with each request, and the secret is valid until it is rotated.",
        "ASVS 13.2.1",
    ),
)
