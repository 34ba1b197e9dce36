"""The wire format JSend."""

from __future__ import annotations

from typing import Any

from flask_otpauth.envelopes import Failure, Success, Wire, status_of


class JSend:
    """``{"status": "success", "data": …}``, or ``fail`` with the reason and the invalid fields."""

    def success(self, success: Success) -> Wire:
        """Render a success."""
        return {"status": "success", "data": success.data}, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """Render a failure: ``error`` for server errors, ``fail`` for all others."""
        http = status_of(failure)
        data: dict[str, Any] = {"reason": failure.code, "message": failure.message, **failure.data}
        if failure.fields:
            data["fields"] = {each.field: each.message for each in failure.fields}
        return {"status": "error" if http >= 500 else "fail", "data": data}, http, failure.headers
