"""Signs reports as the providers do: from their documentation, and not by the code of the package."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import jwt

from flask_otpauth.ports.reports import ReportRequest

TOKEN = "a provider's own token of many bytes"
WEBHOOK_SECRET = f"whsec_{base64.b64encode(b'24 bytes for the webhook').decode()}"
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def by_twilio(url: str, fields: Mapping[str, str], token: str = TOKEN) -> ReportRequest:
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = _base64(hmac.digest(token.encode(), signed.encode(), "sha1"))
    return ReportRequest(url, {**FORM, "x-twilio-signature": signature}, urlencode(fields).encode())


def by_vonage(url: str, event: Mapping[str, Any], at: datetime, token: str = TOKEN) -> ReportRequest:
    body = json.dumps(event).encode()
    claims = {
        "iss": "Vonage",
        "iat": int(at.timestamp()),
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": "a1b2c3d",
    }
    signed = jwt.encode(claims, token, algorithm="HS256")
    return ReportRequest(url, {**JSON, "authorization": f"Bearer {signed}"}, body)


def by_plivo(url: str, fields: Mapping[str, str], token: str = TOKEN) -> ReportRequest:
    nonce = "05429567804466091622"
    joint = "." if "?" in url else "?"
    posted = "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = _base64(hmac.digest(token.encode(), f"{url}{joint}{posted}.{nonce}".encode(), "sha256"))
    headers = {**FORM, "x-plivo-signature-v3": signature, "x-plivo-signature-v3-nonce": nonce}
    return ReportRequest(url, headers, urlencode(fields).encode())


def by_standard_webhooks(
    url: str, event: Mapping[str, Any], at: datetime, secret: str = WEBHOOK_SECRET
) -> ReportRequest:
    body = json.dumps(event).encode()
    name, seconds = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = _base64(hmac.digest(key, f"{name}.{seconds}.".encode() + body, "sha256"))
    headers = {
        "webhook-id": name,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
    }
    return ReportRequest(url, {**JSON, **headers}, body)


def by_whatsapp(url: str, event: Mapping[str, Any], token: str = TOKEN) -> ReportRequest:
    body = json.dumps(event).encode()
    signature = f"sha256={hmac.new(token.encode(), body, 'sha256').hexdigest()}"
    return ReportRequest(url, {**JSON, "x-hub-signature-256": signature}, body)


def whatsapp_event(*statuses: Mapping[str, Any]) -> dict[str, Any]:
    value = {"messaging_product": "whatsapp", "statuses": list(statuses)}
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
