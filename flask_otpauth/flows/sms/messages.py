"""The words of the flow ``sms``: in Vietnamese as documented, in English, and in the host's languages."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.core import errors
from flask_otpauth.flows.sms.settings import SmsSettings
from flask_otpauth.web.messages import Messages, Phrase, Wording


def _waiting(refusal: errors.Refusal, settings: SmsSettings) -> dict[str, object]:
    return {"otp": {"refresh_after": refusal.retry_after_seconds, "status": "wait"}}


def _limited(refusal: errors.Refusal, settings: SmsSettings) -> dict[str, object]:
    return {"otp": {"refresh_after": int(settings.cooldown.total_seconds()), "status": "limit"}}


def _captcha(refusal: errors.Refusal, settings: SmsSettings) -> dict[str, object]:
    return {"captcha": {"required": True, "data": refusal.evidence()["challenge"]}}


_LABELS: Mapping[str, str] = {
    "account_token": "mã xác thực tài khoản",
    "cc_phone": "mã quốc gia",
    "phone": "số điện thoại",
    "otp": "mã OTP",
}

_FAULTS: Mapping[str, Phrase] = {
    "required": Phrase("Vui lòng cung cấp {label}"),
    "cc_phone": Phrase("Mã quốc gia không hợp lệ"),
    "phone.none": Phrase("Tài khoản chưa có số điện thoại"),
    "phone": Phrase("Số điện thoại không hợp lệ"),
    "*": Phrase("{label} không hợp lệ"),
}

_WORDING: Wording = {
    errors.CooldownActive: Phrase(
        "Vui lòng yêu cầu gửi lại OTP sau {seconds} giây",
        field="limit",
        detail="Đang trong thời gian chờ để có thể gửi lại mã OTP",
        data=_waiting,
    ),
    errors.DailyQuotaExceeded: Phrase(
        "Bạn đã yêu cầu gửi OTP {daily} lần hôm nay. Vui lòng yêu cầu gửi lại OTP vào ngày mai",
        field="limit",
        detail="Vượt quá giới hạn gửi OTP trong một ngày",
        data=_limited,
    ),
    # A quota of another period is not about today, and does not end tomorrow.
    errors.Limited: Phrase(
        "Bạn đã thử quá nhiều lần. Vui lòng thử lại sau",
        field="limit",
        detail="Vượt quá giới hạn cho phép",
        data=_limited,
    ),
    errors.TooManyRequests: Phrase("Quá nhiều yêu cầu"),
    errors.CodeRefused: Phrase("Mã OTP không chính xác", field="otp"),
    errors.NotSent: Phrase("Không thể gửi mã OTP"),
    errors.UserNotFound: Phrase("Số điện thoại chưa tồn tại trên hệ thống"),
    errors.NotFound: Phrase("Không tìm thấy"),
    errors.SecretRefused: Phrase("Thông tin xác thực không chính xác"),
    errors.NotAuthenticated: Phrase("Vui lòng đăng nhập để tiếp tục"),
    errors.CaptchaRequired: Phrase("Vui lòng xác nhận captcha", field="captcha", data=_captcha),
    errors.NotPermitted: Phrase("Yêu cầu bị từ chối"),
    errors.BadRequest: Phrase("Yêu cầu không hợp lệ"),
    errors.MethodNotAllowed: Phrase("Phương thức không được hỗ trợ"),
    errors.ContentTooLarge: Phrase("Nội dung quá lớn"),
    errors.IdempotencyKeyInvalid: Phrase("Idempotency-Key không hợp lệ"),
    errors.IdempotencyKeyNotAccepted: Phrase("Idempotency-Key không được chấp nhận"),
    errors.IdempotencyKeyReused: Phrase("Idempotency-Key đã được dùng cho một yêu cầu khác"),
    errors.IdempotencyKeyInUse: Phrase("Yêu cầu đầu tiên vẫn đang được xử lý"),
    errors.UnsupportedMediaType: Phrase("Kiểu nội dung không được hỗ trợ"),
    errors.Refusal: Phrase("Lỗi hệ thống"),
}

ENGLISH: Mapping[str, str] = {
    "Gửi mã OTP thành công": "The OTP was sent",
    "Mã xác thực chính xác": "The OTP is correct",
    "Mã OTP không chính xác": "The OTP is not correct",
    "Vui lòng yêu cầu gửi lại OTP sau {seconds} giây": "Please ask for the OTP again in {seconds} seconds",
    "Đang trong thời gian chờ để có thể gửi lại mã OTP": "The OTP cannot be sent again yet",
    "Bạn đã yêu cầu gửi OTP {daily} lần hôm nay. Vui lòng yêu cầu gửi lại OTP vào ngày mai": (
        "You have asked for an OTP {daily} times today. Please ask again tomorrow"
    ),
    "Vượt quá giới hạn gửi OTP trong một ngày": "The limit of OTPs for one day is exceeded",
    "Bạn đã thử quá nhiều lần. Vui lòng thử lại sau": "You have tried too many times. Please try again later",
    "Vượt quá giới hạn cho phép": "The limit is exceeded",
    "Không thể gửi mã OTP": "The OTP could not be sent",
    "Vui lòng đăng nhập để tiếp tục": "Please sign in to continue",
    "Số điện thoại chưa tồn tại trên hệ thống": "The phone number does not exist in the system",
    "Không tìm thấy": "Not found",
    "Thông tin xác thực không chính xác": "The credentials are not correct",
    "Tài khoản chưa có số điện thoại": "The account has no phone number",
    "Vui lòng cung cấp {label}": "Please give the {label}",
    "Mã quốc gia không hợp lệ": "The country code is not valid",
    "Số điện thoại không hợp lệ": "The phone number is not valid",
    "{label} không hợp lệ": "The {label} is not valid",
    "Vui lòng xác nhận captcha": "Please answer the captcha",
    "Yêu cầu bị từ chối": "The request is refused",
    "Yêu cầu không hợp lệ": "The request is not valid",
    "Phương thức không được hỗ trợ": "The method is not supported",
    "Nội dung quá lớn": "The content is too large",
    "Idempotency-Key không hợp lệ": "The Idempotency-Key is not valid",
    "Idempotency-Key không được chấp nhận": "The Idempotency-Key is not accepted",
    "Idempotency-Key đã được dùng cho một yêu cầu khác": ("The Idempotency-Key was used for another request"),
    "Yêu cầu đầu tiên vẫn đang được xử lý": "The first request is still being processed",
    "Kiểu nội dung không được hỗ trợ": "The content type is not supported",
    "Quá nhiều yêu cầu": "Too many requests",
    "Lỗi hệ thống": "System error",
    "mã xác thực tài khoản": "account token",
    "mã quốc gia": "country code",
    "số điện thoại": "phone number",
    "mã OTP": "OTP",
}


def translated(text: str, settings: SmsSettings, raw: Mapping[str, object]) -> str:
    """``text`` in the first of the languages that has a catalog, or in Vietnamese."""
    wanted = raw.get("lang")
    for language in settings.languages(wanted if isinstance(wanted, str) else None):
        if language == "vi" and language not in settings.catalogs:
            return text
        catalog = {**(ENGLISH if language == "en" else {}), **settings.catalogs.get(language, {})}
        if catalog:
            return catalog.get(text, text)
    return text


MESSAGES = Messages(_WORDING, _FAULTS, _LABELS, translate=translated)
