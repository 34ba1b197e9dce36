"""The operations of the flow ``sms``."""

from __future__ import annotations

from typing import TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.engine.phone_codes import Holder, PhoneCodes
from flask_otpauth.flows.sms.bodies import Named, VerifyOtp
from flask_otpauth.flows.sms.flow import sms
from flask_otpauth.flows.sms.messages import translated
from flask_otpauth.flows.sms.settings import SmsSettings
from flask_otpauth.web.body import text
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call

SmsCall: TypeAlias = Call[SmsSettings, PhoneCodes]

PLATFORMS = ("ios", "android")


@sms.post("/resend-otp", Named, rate_limit="send")
def resend_otp(call: SmsCall, body: Named) -> Success:
    """Send a new code by SMS, the first one or a later one."""
    _check_required(call.settings, body)
    holder = _holder(call, body)
    if holder.user is None and call.settings.unknown_phone == "reject":
        raise errors.UserNotFound
    _check_captcha(call.settings, holder.number, body.captcha)
    try:
        call.use_case.resend(holder, call.client.id, call.settings.languages(body.lang))
    except errors.SubjectLocked as lock:
        raise _as_limit(lock, call.settings) from None
    waiting = {"otp": {"refresh_after": int(call.settings.cooldown.total_seconds()), "status": "wait"}}
    return Success(waiting, _say(call, body, "Gửi mã OTP thành công"))


@sms.post("/verify-otp", VerifyOtp, rate_limit="redeem")
def verify_otp(call: SmsCall, body: VerifyOtp) -> Success:
    """Verify the code that was sent."""
    _check_required(call.settings, body)
    by_phone = body.account_token is None and (body.phone is not None or body.cc_phone is not None)
    by_id = body.account_token is None and not by_phone and body.user_id is not None
    holder = _holder_by_id(call, body.user_id) if by_id else _holder(call, body)
    try:
        call.use_case.verify(holder, body.otp, call.client.id)
    except (errors.CodeRefused, errors.SubjectLocked):
        # The answer is the same for every reason. Signals and the log have the reason.
        named = None if by_phone else str(holder.user.id) if holder.user else str(body.user_id).strip()
        wait = call.use_case.wait_seconds(holder, call.client.id)
        raise errors.CodeWrong().showing(user_id=named, otp={"refresh_after": wait}) from None
    user_id = str(holder.user.id) if holder.user else None
    wait = call.use_case.wait_seconds(holder, call.client.id)
    return Success(
        {"user_id": user_id, "otp": {"refresh_after": wait}}, _say(call, body, "Mã xác thực chính xác")
    )


def _holder(call: SmsCall, body: Named) -> Holder:
    """Return the number and its user, by account token or else by country code and phone."""
    if body.account_token is not None:
        user = call.use_case.account_tokens.user(body.account_token)
        phone = call.use_case.users.phone(user)
        if phone is None:
            raise errors.InvalidFields(errors.Fault("phone", "none"))
        return Holder(phone, user)
    return call.use_case.holder_of(_dialled(call, body))


def _dialled(call: SmsCall, body: Named) -> str:
    if body.cc_phone is None and body.phone is None:
        raise errors.InvalidFields(errors.Fault("account_token", "required"))
    missing = [name for name in ("cc_phone", "phone") if getattr(body, name) is None]
    if missing:
        raise errors.InvalidFields(*(errors.Fault(name, "required") for name in missing))
    addresses = call.use_case.addresses
    if not isinstance(body.cc_phone, str) or not addresses.is_country_code(body.cc_phone):
        raise errors.InvalidFields(errors.Fault("cc_phone", "invalid"))
    try:
        return addresses.with_country_code(body.cc_phone, text(body.phone, "invalid"))
    except ValueError:
        raise errors.InvalidFields(errors.Fault("phone", "invalid")) from None


def _holder_by_id(call: SmsCall, user_id: object) -> Holder:
    """Return the user with that id, and their number. An unknown user has a number that never gets a code."""
    try:
        wanted = text(user_id, "invalid").strip()
    except ValueError:
        raise errors.InvalidFields(errors.Fault("user_id", "invalid")) from None
    # ``get`` finds an id only in its own spelling. Another spelling must not reveal that the id exists.
    user = call.use_case.users.get(wanted)
    phone = call.use_case.users.phone(user) if user else None
    return Holder(phone, user) if phone else Holder(f"user {wanted}")


def _check_required(settings: SmsSettings, body: Named) -> None:
    """Check the parameters that the host requires. The others are ignored."""
    given = {name: getattr(body, name) for name in settings.required_fields}
    faults = [
        errors.Fault(name, "required" if value is None else "invalid")
        for name, value in given.items()
        if not isinstance(value, str) or (name == "platform" and value not in PLATFORMS)
    ]
    if faults:
        raise errors.InvalidFields(*faults)


def _check_captcha(settings: SmsSettings, number: str, answer: object) -> None:
    challenge = settings.captcha(number, answer) if settings.captcha is not None else None
    if challenge is not None:
        raise errors.CaptchaRequired(challenge)


def _as_limit(lock: errors.SubjectLocked, settings: SmsSettings) -> errors.Limited:
    """Return a lock as the limit of a day, if there is one: the document has no lock (contract/sms.md)."""
    if settings.daily is None:
        return lock
    return errors.DailyQuotaExceeded(lock.retry_after_seconds, settings.daily)


def _say(call: SmsCall, body: Named, sentence: str) -> str:
    return translated(sentence, call.settings, {"lang": body.lang})
