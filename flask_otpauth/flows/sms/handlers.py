"""``sms``: send a code by SMS, again (contract/sms.md). For a mobile app that holds an API token."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.engine.codes import Target
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.flows.sms.messages import FAULTS, LABELS, TOKEN_PATH, WORDING, translated
from flask_otpauth.flows.sms.settings import SmsSettings
from flask_otpauth.ports.directory import User
from flask_otpauth.web.credentials import SignedToken, basic_credentials
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.fields import Anything, Body, Name, OpaqueToken, text
from flask_otpauth.web.flow import Call, Flow

PURPOSE = "sms"
PLATFORMS = ("ios", "android")

sms = Flow(
    name="sms",
    settings=SmsSettings,
    credential=SignedToken("sms"),
    on_devices=True,
    channels=lambda settings: ("sms",),
    scopes={"phone": (PURPOSE,)},
    translate=translated,
    labels=LABELS,
    faults=FAULTS,
    wording=WORDING,
)


class Named(Body):
    """Whom it is about. Which of the fields is looked at depends on which are given."""

    account_token: OpaqueToken | None = None
    cc_phone: Anything = None
    phone: Anything = None
    lang: Name | None = None
    captcha: Anything = None
    device_id: Anything = None
    platform: Anything = None


class VerifyOtp(Named):
    """The code that was read in the SMS, and whom it is about."""

    otp: Anything
    user_id: Anything = None


class ApiToken(Body):
    """A client's credentials (RFC 6749 §4.4.2), here or as HTTP Basic."""

    grant_type: Anything
    client_id: Anything = None
    client_secret: Anything = None
    scope: Anything = None


@sms.post("/resend-otp", Named, rate_limit="send")
def resend_otp(call: Call, body: Named) -> Success:
    """Send a fresh code by SMS: the first one as well as any later."""
    _demand(call.settings, body)
    user, number = _named(call, body)
    if user is None and call.settings.unknown_phone == "reject":
        raise errors.UserNotFound
    _ask_captcha(call.settings, number, body.captcha)
    draft = Draft(
        "sms",
        number,
        locales=call.settings.languages(body.lang),
        purpose=PURPOSE,
        values={"origin": call.settings.origin},
        discreet=True,
        withheld=user is not None and not user.is_enabled,
    )
    try:
        call.services.codes.send(_policy(call), _target(call, number), draft)
    except errors.SubjectLocked as lock:
        raise _as_limit(lock, call.settings) from None
    waiting = {"otp": {"refresh_after": int(call.settings.cooldown.total_seconds()), "status": "wait"}}
    return Success(waiting, _say(call, body, "Gửi mã OTP thành công"))


@sms.post("/verify-otp", VerifyOtp, rate_limit="redeem")
def verify_otp(call: Call, body: VerifyOtp) -> Success:
    """Check the code that was sent: the other half."""
    _demand(call.settings, body)
    by_phone = body.account_token is None and (body.phone is not None or body.cc_phone is not None)
    by_id = body.account_token is None and not by_phone and body.user_id is not None
    user, number = _by_id(call, body.user_id) if by_id else _named(call, body)
    policy, target = _policy(call), _target(call, number)
    try:
        call.services.codes.redeem(policy, target, body.otp)
    except (errors.CodeRefused, errors.SubjectLocked):
        # All states read as the wrong code here; signals and the log tell them apart.
        named = None if by_phone else str(user.id) if user else body.user_id.strip()
        wait = call.services.codes.wait_seconds(policy, target)
        raise errors.CodeWrong().showing(user_id=named, otp={"refresh_after": wait}) from None
    if user is not None and not user.is_enabled:
        raise errors.UserNotFound
    if user is not None and not user.phone_verified:
        call.services.directory.mark_verified(str(user.id), "phone")
    wait = call.services.codes.wait_seconds(policy, target)
    data = {"user_id": str(user.id) if user else None, "otp": {"refresh_after": wait}}
    return Success(data, _say(call, body, "Mã xác thực chính xác"))


@sms.post(
    "/token",
    ApiToken,
    rate_limit="token",
    credential=None,
    challenge='Basic realm="otpauth"',
    path_setting="token_path",
    takes_form=True,
    envelope="oauth",
    **TOKEN_PATH,
)
def api_token(call: Call, body: ApiToken) -> Success:
    """Buy an API token with the client's id and secret (RFC 6749 §4.4)."""
    if body.grant_type != "client_credentials":
        raise errors.InvalidFields(errors.Fault("grant_type", "unsupported_grant_type"))
    if body.scope not in (None, "*"):
        raise errors.InvalidFields(errors.Fault("scope", "invalid_scope"))
    client_id, secret = _presented(call, body)
    clients, ttl = call.services.clients, call.settings.token_ttl
    client, generation = clients.by_secret(secret, "sms", client_id)
    token = clients.sign_token(client, generation, "sms", ttl)
    seconds = int(ttl.total_seconds())
    return Success({"token_type": "Bearer", "expires_in": seconds, "access_token": token})


def _presented(call: Call, body: ApiToken) -> tuple[str, str]:
    """The client's id and secret, by HTTP Basic or in the body; never by both (RFC 6749 §2.3)."""
    in_body, basic = (body.client_id, body.client_secret), basic_credentials(call.authorization)
    if basic is not None and in_body not in ((None, None), (basic[0], None)):
        raise errors.InvalidFields(errors.Fault("client_id", "client_authentication"))
    client_id, secret = basic or in_body
    if not isinstance(client_id, str) or not isinstance(secret, str):
        raise errors.CredentialsMissing
    return client_id, secret


def _named(call: Call, body: Named) -> tuple[User | None, str]:
    """The user, if there is one, and the number: by account token, else by country code and phone."""
    if body.account_token is not None:
        user = call.services.account_tokens.user(body.account_token)
        phone = call.services.users.phone(user)
        if phone is None:
            raise errors.InvalidFields(errors.Fault("phone", "none"))
        return user, phone
    number = _dialled(call, body)
    return call.services.users.known("phone", number), number


def _dialled(call: Call, body: Named) -> str:
    if body.cc_phone is None and body.phone is None:
        raise errors.InvalidFields(errors.Fault("account_token", "required"))
    missing = [name for name in ("cc_phone", "phone") if getattr(body, name) is None]
    if missing:
        raise errors.InvalidFields(*(errors.Fault(name, "required") for name in missing))
    addresses = call.services.addresses
    if not isinstance(body.cc_phone, str) or not addresses.is_country_code(body.cc_phone):
        raise errors.InvalidFields(errors.Fault("cc_phone", "invalid"))
    try:
        return addresses.dialled(body.cc_phone, text(body.phone, "invalid"))
    except ValueError:
        raise errors.InvalidFields(errors.Fault("phone", "invalid")) from None


def _by_id(call: Call, user_id: object) -> tuple[User | None, str]:
    """The user of that id, and their number; an unknown one has a number that no code is ever for."""
    try:
        wanted = text(user_id, "invalid").strip()
    except ValueError:
        raise errors.InvalidFields(errors.Fault("user_id", "invalid")) from None
    # Only in the spelling that it has: others may not tell that it exists.
    user = call.services.users.get(wanted)
    phone = call.services.users.phone(user) if user else None
    return (user, phone) if phone else (None, f"user {wanted}")


def _demand(settings: SmsSettings, body: Named) -> None:
    """Parameters that the host made required; the others are not even looked at."""
    given = {name: getattr(body, name) for name in settings.required_fields}
    faults = [
        errors.Fault(name, "required" if value is None else "invalid")
        for name, value in given.items()
        if not isinstance(value, str) or (name == "platform" and value not in PLATFORMS)
    ]
    if faults:
        raise errors.InvalidFields(*faults)


def _ask_captcha(settings: SmsSettings, number: str, answer: object) -> None:
    challenge = settings.captcha(number, answer) if settings.captcha is not None else None
    if challenge is not None:
        raise errors.CaptchaRequired(challenge)


def _as_limit(lock: errors.SubjectLocked, settings: SmsSettings) -> errors.Limited:
    """The document knows no lock: it is told as the limit of a day, where there is one (contract/sms.md)."""
    if settings.daily is None:
        return lock
    return errors.DailyQuotaExceeded(lock.retry_after_seconds, settings.daily)


def _policy(call: Call) -> Policy:
    policy: Policy = call.settings.policy(PURPOSE)
    return policy


def _target(call: Call, number: str) -> Target:
    return Target(PURPOSE, number, call.client.id if call.client else "")


def _say(call: Call, body: Named, sentence: str) -> str:
    return translated(sentence, call.settings, {"lang": body.lang})
