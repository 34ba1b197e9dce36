"""The texts of the ``sms`` flow in its second language, by their Vietnamese originals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_otpauth.flows.fields import supported

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
    "Không thể gửi mã OTP": "The OTP could not be sent",
    "Vui lòng đăng nhập để tiếp tục": "Please sign in to continue",
    "Số điện thoại chưa tồn tại trên hệ thống": "The phone number does not exist in the system",
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
    "Kiểu nội dung không được hỗ trợ": "The content type is not supported",
    "Quá nhiều yêu cầu": "Too many requests",
    "Lỗi hệ thống": "System error",
    "mã xác thực tài khoản": "account token",
    "mã quốc gia": "country code",
    "số điện thoại": "phone number",
    "mã OTP": "OTP",
}


def translated(text: str, settings: Any, raw: Mapping[str, Any]) -> str:
    """``text`` in the language that the request asks for: Vietnamese unless it is in a catalogue."""
    catalogues = {"vi": {}, "en": ENGLISH, **settings.messages}
    return str(catalogues[language_of(settings, raw)].get(text, text))


def language_of(settings: Any, raw: Mapping[str, Any]) -> str:
    """The language of ``lang`` in the request, Vietnamese by default."""
    wanted = raw.get("lang")
    return supported(wanted if isinstance(wanted, str) else None, ("vi", "en", *settings.messages))
