"""Where the flow ``account`` deviates from NIST SP 800-63B-4 and OWASP ASVS 5.0."""

from __future__ import annotations

from flask_otpauth.web.deviations import Deviation

DEVIATIONS = (
    Deviation(
        "Codes may be sent by SMS or WhatsApp, which are restricted channels.",
        "NIST §3.1.3.3, §3.2.9; ASVS 6.6.1",
        "OTPAUTH_{flow}_CHANNELS = ('email',)",
        lambda settings, shared: bool({"sms", "whatsapp"} & set(settings.channels)),
    ),
    Deviation(
        "The response contains the code, so it does not prove that the message was received.",
        "ASVS 14.2.6",
        "OTPAUTH_{flow}_ECHO_OTP = False",
        lambda settings, shared: settings.echo_otp,
    ),
    Deviation(
        "A client may send its secret with each request, and the secret is valid until it is rotated.",
        "ASVS 13.2.1",
    ),
    Deviation(
        "A PIN is a password of six digits: use it only together with another factor.",
        "NIST §3.1.1.2; ASVS 6.2.1",
    ),
    Deviation(
        "Common PINs are accepted.",
        "NIST §3.1.1.2; ASVS 6.2.4",
        "OTPAUTH_{flow}_PIN_BLOCKLIST = 'common'",
        lambda settings, shared: not settings.pin_blocklist,
    ),
    Deviation(
        "Passwords of eight characters are accepted; a password that is the only factor needs fifteen.",
        "NIST §3.1.1.2",
    ),
    Deviation(
        "Passwords are checked against a list of common passwords, not against known breaches.",
        "ASVS 6.2.12",
    ),
    Deviation(
        "A merchant can set a customer's password without their consent, and then knows it.",
        "ASVS 6.2.3, 6.4.6",
    ),
    Deviation(
        "A merchant can unblock a PIN any number of times, and each time the guesses start again.",
        "NIST §3.2.2",
        "OTPAUTH_{flow}_UNBLOCKS_PER_DAY = 3",
        lambda settings, shared: settings.unblocks_per_day is None,
    ),
    Deviation(
        "A merchant can reset a customer's quota of codes any number of times.",
        "ASVS 2.4.1",
        "OTPAUTH_{flow}_LIMIT_RESETS_PER_DAY = 3",
        lambda settings, shared: settings.limit_resets_per_day is None,
    ),
    Deviation(
        "Customers are not notified when a PIN is reset or a password is changed.",
        "NIST §4.2.3; ASVS 6.3.7",
        "OTPAUTH_{flow}_NOTIFY_CHANGES = True",
        lambda settings, shared: not settings.notify_changes,
    ),
)
