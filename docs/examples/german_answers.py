"""Every sentence that the flow ``sms`` answers, in German."""

from __future__ import annotations

ANSWERS = {
    "Gửi mã OTP thành công": "Der Code ist unterwegs",
    "Mã xác thực chính xác": "Der Code ist richtig",
    "Mã OTP không chính xác": "Der Code ist falsch",
    "Vui lòng yêu cầu gửi lại OTP sau {seconds} giây": "Bitte in {seconds} Sekunden noch einmal",
    "Đang trong thời gian chờ để có thể gửi lại mã OTP": "Noch kann kein neuer Code gesendet werden",
    "Bạn đã yêu cầu gửi OTP {daily} lần hôm nay. Vui lòng yêu cầu gửi lại OTP vào ngày mai": (
        "Heute wurden schon {daily} Codes gesendet. Bitte versuchen Sie es morgen wieder"
    ),
    "Vượt quá giới hạn gửi OTP trong một ngày": "Für heute sind alle Codes verbraucht",
    "Bạn đã thử quá nhiều lần. Vui lòng thử lại sau": "Zu viele Versuche. Bitte versuchen Sie es später",
    "Vượt quá giới hạn cho phép": "Zu viele Versuche",
    "Không thể gửi mã OTP": "Der Code konnte nicht gesendet werden",
    "Vui lòng đăng nhập để tiếp tục": "Bitte melden Sie sich an",
    "Số điện thoại chưa tồn tại trên hệ thống": "Diese Telefonnummer ist nicht bekannt",
    "Không tìm thấy": "Nicht gefunden",
    "Thông tin xác thực không chính xác": "Die Zugangsdaten sind falsch",
    "Tài khoản chưa có số điện thoại": "Das Konto hat keine Telefonnummer",
    "Vui lòng cung cấp {label}": "Es fehlt: {label}",
    "Mã quốc gia không hợp lệ": "Die Landesvorwahl ist ungültig",
    "Số điện thoại không hợp lệ": "Die Telefonnummer ist ungültig",
    "{label} không hợp lệ": "Ungültig: {label}",
    "Vui lòng xác nhận captcha": "Bitte lösen Sie das Captcha",
    "Yêu cầu bị từ chối": "Die Anfrage wurde abgelehnt",
    "Yêu cầu không hợp lệ": "Die Anfrage ist ungültig",
    "Phương thức không được hỗ trợ": "Diese Methode gibt es hier nicht",
    "Nội dung quá lớn": "Die Anfrage ist zu groß",
    "Idempotency-Key không hợp lệ": "Der Idempotency-Key ist ungültig",
    "Idempotency-Key không được chấp nhận": "Der Idempotency-Key wird hier nicht angenommen",
    "Idempotency-Key đã được dùng cho một yêu cầu khác": (
        "Der Idempotency-Key gehört zu einer anderen Anfrage"
    ),
    "Yêu cầu đầu tiên vẫn đang được xử lý": "Die erste Anfrage wird noch bearbeitet",
    "Kiểu nội dung không được hỗ trợ": "Diese Art von Inhalt wird nicht angenommen",
    "Quá nhiều yêu cầu": "Zu viele Anfragen",
    "Lỗi hệ thống": "Systemfehler",
    "mã xác thực tài khoản": "Token des Kontos",
    "mã quốc gia": "Landesvorwahl",
    "số điện thoại": "Telefonnummer",
    "mã OTP": "Code",
}
