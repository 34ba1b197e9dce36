"""
``sms``: send a code by SMS, again (contract/sms.md). For a mobile app that holds an API token.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from flask_otpauth.core import errors
from flask_otpauth.core.limits import DAY, Quota
from flask_otpauth.core.policies import Policy
from flask_otpauth.engine.codes import Target
from flask_otpauth.engine.post import Letter
from flask_otpauth.envelopes.base import Success
from flask_otpauth.flows.base import Call, Flow, Says
from flask_otpauth.flows.catalogue import language_of, translated
from flask_otpauth.flows.credentials import SignedToken, basic_credentials
from flask_otpauth.flows.fields import Anything, Body, Code, OpaqueToken
from flask_otpauth.ports.directory import User
from flask_otpauth.settings import Duration, FlowSettings, Quotas, Shared, Words

PURPOSE = "sms"
_HOST = re.compile("[a-z0-9-]+([.][a-z0-9-]+)+")


class SmsSettings(FlowSettings):
    """The keys of the SMS flow."""

    hardened: ClassVar = {"failure_cap": 100, "day": "sliding", "http_status": "semantic"}

    url_prefix: str = Field("/api/auth", pattern="^/.*[^/]$", description="Where the flow's paths begin.")
    envelope: Any = Field("sms", description="The wire format.")
    cooldown: Duration = Field(timedelta(seconds=90), description="The least time between two codes of a number.")
    send_quotas: Quotas = Field((Quota.parse("3 per day"),), description="How many codes a number gets.")
    timezone: ZoneInfo = Field(ZoneInfo("Asia/Ho_Chi_Minh"), description="Where a calendar day begins.")
    day: Literal["sliding", "calendar"] = Field(
        "calendar", description="Whether quotas of a day slide or begin anew at midnight."
    )
    http_status: Literal["documented", "semantic"] = Field(
        "documented", description="Whether business errors are HTTP 200, as documented."
    )
    token_path: str = Field(
        "/oauth/token", pattern="^/.*[^/]$", description="Where API tokens are bought: an absolute path."
    )
    token_ttl: Duration = Field(timedelta(days=365), description="How long an API token lives.")
    account_token_ttl: Duration = Field(timedelta(days=30), description="How long an account token lives.")
    unknown_phone: Literal["send", "reject"] = Field(
        "send", description="What a number without an account gets: a code, or a 404."
    )
    required_fields: Words = Field((), description="Fields that every call must have, such as `device_id`.")
    messages: dict[str, dict[str, str]] = Field(
        {}, description="More languages: code → {Vietnamese text: translation}."
    )
    captcha: Any = Field(
        None,
        description="A callable `(phone, answer) -> None | dict`, or a dotted path to one: the data of a "
        "captcha that must be answered first, in the body field `captcha`; `None` when there is none.",
    )
    origin: str | None = Field(
        None, description="Host of the origin-bound last line of the SMS, `@example.com #123456`."
    )

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together."""
        found = super().problems(shared)
        if self.origin is not None and not _HOST.fullmatch(self.origin):
            found.append("ORIGIN: give a host name such as example.com")
        return found


def _daily(settings: SmsSettings) -> int:
    return next((quota.count for quota in settings.send_quotas if quota.period == DAY), 0)


def _waiting(refusal: errors.Refusal, settings: SmsSettings) -> dict[str, Any]:
    return {"otp": {"refresh_after": refusal.retry_after_seconds, "status": "wait"}}


def _captcha(refusal: errors.Refusal, settings: SmsSettings) -> dict[str, Any]:
    return {"captcha": {"required": True, "data": refusal.evidence()["challenge"]}}


def _limited(refusal: errors.Refusal, settings: SmsSettings) -> dict[str, Any]:
    return {"otp": {"refresh_after": int(settings.cooldown.total_seconds()), "status": "limit"}}


sms = Flow(
    name="sms",
    document="Send a code by SMS again",
    settings=SmsSettings,
    credential=SignedToken("sms"),
    channels=lambda settings: ("sms",),
    scopes={"phone": (PURPOSE,)},
    facts=lambda settings: {"daily": _daily(settings)},
    translate=translated,
    labels={
        "account_token": "mã xác thực tài khoản",
        "cc_phone": "mã quốc gia",
        "phone": "số điện thoại",
        "otp": "mã OTP",
    },
    faults={
        "required": Says("Vui lòng cung cấp {label}"),
        "cc_phone": Says("Mã quốc gia không hợp lệ"),
        "phone.none": Says("Tài khoản chưa có số điện thoại"),
        "phone": Says("Số điện thoại không hợp lệ"),
        "otp": Says("Mã OTP không chính xác"),
        "*": Says("{label} không hợp lệ"),
    },
    wording={
        errors.CooldownActive: Says(
            "Vui lòng yêu cầu gửi lại OTP sau {seconds} giây",
            field="limit",
            detail="Đang trong thời gian chờ để có thể gửi lại mã OTP",
            data=_waiting,
        ),
        errors.Limited: Says(
            "Bạn đã yêu cầu gửi OTP {daily} lần hôm nay. Vui lòng yêu cầu gửi lại OTP vào ngày mai",
            field="limit",
            detail="Vượt quá giới hạn gửi OTP trong một ngày",
            data=_limited,
        ),
        errors.TooManyRequests: Says("Quá nhiều yêu cầu"),
        errors.CodeRefused: Says("Mã OTP không chính xác", field="otp"),
        errors.SendFailed: Says("Không thể gửi mã OTP"),
        errors.UserNotFound: Says("Số điện thoại chưa tồn tại trên hệ thống"),
        errors.NotAuthenticated: Says("Vui lòng đăng nhập để tiếp tục"),
        errors.CaptchaRequired: Says(
            "Vui lòng xác nhận captcha",
            field="captcha",
            data=_captcha,
        ),
        errors.NotPermitted: Says("Yêu cầu bị từ chối"),
        errors.BadRequest: Says("Yêu cầu không hợp lệ"),
        errors.MethodNotAllowed: Says("Phương thức không được hỗ trợ"),
        errors.ContentTooLarge: Says("Nội dung quá lớn"),
        errors.UnsupportedMediaType: Says("Kiểu nội dung không được hỗ trợ"),
        errors.Refusal: Says("Lỗi hệ thống"),
    },
)


class Named(Body):
    """Whom it is about. Which of the fields is looked at depends on which are given."""

    account_token: OpaqueToken | None = None
    cc_phone: Anything = None
    phone: Anything = None
    lang: Anything = None
    captcha: Anything = None
    device_id: Anything = None
    platform: Anything = None


class VerifyOtp(Named):
    """The code that was read in the SMS, and whom it is about."""

    otp: Code
    user_id: Anything = None


class ApiToken(Body):
    """A client's credentials (RFC 6749 §4.4.2), here or as HTTP Basic."""

    grant_type: Anything = None
    client_id: Anything = None
    client_secret: Anything = None
    scope: Anything = None


@sms.post("/resend-otp", Named, front="send")
def resend_otp(call: Call, body: Named) -> Success:
    """Send a fresh code by SMS: the first one as well as any later."""
    _demand(call.settings, body)
    user, number = _named(call, body)
    if user is None and call.settings.unknown_phone == "reject":
        raise errors.UserNotFound
    _ask_captcha(call.settings, number, body.captcha)
    letter = Letter(
        "sms",
        number,
        locale=language_of(call.settings, {"lang": body.lang}),
        purpose=PURPOSE,
        values={"origin": call.settings.origin},
    )
    entitled = user is None or user.is_enabled
    call.services.codes.send(_policy(call), _target(call, number), letter if entitled else None)
    waiting = {"otp": {"refresh_after": int(call.settings.cooldown.total_seconds()), "status": "wait"}}
    return Success(waiting, _say(call, body, "Gửi mã OTP thành công"))


@sms.post("/verify-otp", VerifyOtp, front="redeem")
def verify_otp(call: Call, body: VerifyOtp) -> Success:
    """Check the code that was sent: the other half."""
    _demand(call.settings, body)
    by_id = body.account_token is None and body.phone is None and body.cc_phone is None
    user, number = _by_id(call, body.user_id) if by_id and body.user_id is not None else _named(call, body)
    named_by_caller = by_id or body.account_token is not None
    user_id = str(user.id) if user is not None else None
    shown = user_id if named_by_caller else None
    if user is None and by_id:
        shown = str(body.user_id)
    target, policy = _target(call, number), _policy(call)
    try:
        call.services.codes.redeem(policy, target, body.otp)
    except (errors.CodeRefused, errors.SubjectLocked):
        # All states read as the wrong code here; signals and the log tell them apart.
        wait = call.services.codes.wait_seconds(policy, target)
        raise errors.CodeWrong().showing(user_id=shown, otp={"refresh_after": wait}) from None
    if user is not None and not user.phone_verified:
        call.services.directory.mark_verified(str(user.id), "phone")
    wait = call.services.codes.wait_seconds(policy, target)
    return Success(
        {"user_id": user_id, "otp": {"refresh_after": wait}}, _say(call, body, "Mã xác thực chính xác")
    )


@sms.post(
    "/token",
    ApiToken,
    front="token",
    credential=None,
    absolute_path=lambda settings: settings.token_path,
    takes_form=True,
    envelope="oauth",
)
def api_token(call: Call, body: ApiToken) -> Success:
    """Buy an API token with the client's id and secret (RFC 6749 §4.4)."""
    basic = basic_credentials(call.authorization)
    if basic is not None and (body.client_id or body.client_secret):
        raise errors.InvalidFields(errors.Fault("client_id", "invalid_request"))
    client_id, secret = basic or (body.client_id, body.client_secret)
    if body.grant_type is None:
        raise errors.InvalidFields(errors.Fault("grant_type", "required"))
    if body.grant_type != "client_credentials":
        raise errors.InvalidFields(errors.Fault("grant_type", "unsupported_grant_type"))
    if body.scope not in (None, "*"):
        raise errors.InvalidFields(errors.Fault("scope", "invalid_scope"))
    if not isinstance(client_id, str) or not isinstance(secret, str):
        raise errors.CredentialsMissing
    clients, ttl = call.services.clients, call.settings.token_ttl
    client, generation = clients.by_secret(secret, "sms", client_id)
    token = clients.sign_token(client, generation, "sms", ttl)
    seconds = int(ttl.total_seconds())
    return Success({"token_type": "Bearer", "expires_in": seconds, "access_token": token})


def _named(call: Call, body: Named) -> tuple[User | None, str]:
    """The user, if there is one, and the number: by account token, else by country code and phone."""
    if body.account_token is not None:
        user = call.services.account_tokens.user(body.account_token)
        if not user.phone:
            raise errors.InvalidFields(errors.Fault("phone", "none"))
        return user, user.phone
    number = _dialled(call, body)
    return call.services.directory.find("phone", number), number


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
        return addresses.dialled(body.cc_phone, body.phone)
    except (TypeError, ValueError):
        raise errors.InvalidFields(errors.Fault("phone", "invalid")) from None


def _by_id(call: Call, user_id: object) -> tuple[User | None, str]:
    """The user of that id, and their number; an unknown one has a number that no code is ever for."""
    user = call.services.directory.get(user_id) if isinstance(user_id, str) else None
    if user is None or not user.phone:
        return None, f"user {user_id}"
    return user, user.phone


def _demand(settings: SmsSettings, body: Named) -> None:
    faults = [errors.Fault(name, "required") for name in settings.required_fields if not getattr(body, name, None)]
    if "platform" in settings.required_fields and body.platform not in (None, "ios", "android"):
        faults.append(errors.Fault("platform", "invalid"))
    if faults:
        raise errors.InvalidFields(*faults)


def _ask_captcha(settings: SmsSettings, number: str, answer: object) -> None:
    challenge = settings.captcha(number, answer) if settings.captcha is not None else None
    if challenge is not None:
        raise errors.CaptchaRequired(challenge)


def _policy(call: Call) -> Policy:
    policy: Policy = call.settings.policy(PURPOSE)
    return policy


def _target(call: Call, number: str) -> Target:
    return Target(PURPOSE, number, call.client.id if call.client else "")


def _say(call: Call, body: Named, text: str) -> str:
    return translated(text, call.settings, {"lang": body.lang})
