"""An app that changes the texts of responses. The format, the codes and the HTTP statuses stay the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.envelopes import Envelope, Failure, Success, Wire
from flask_otpauth.flows.email import EmailEnvelope

SENTENCES = {
    "Login successful": "Welcome to the flower shop",
    "code_wrong": "This is not the code. Please look at the newest mail.",
    "invalid_email": "Please check the e-mail address.",
    "quota_exceeded": "You have asked for many codes. Please wait a little.",
}

otpauth = OtpAuth()


class OwnWords:
    """An envelope with other texts. The packaged envelope does everything else."""

    def __init__(self, packaged: Envelope, sentences: Mapping[str, str]) -> None:
        self.packaged = packaged
        self.sentences = sentences

    def success(self, success: Success) -> Wire:
        """Render a success. The packaged text is the key of the new text."""
        message = self.sentences.get(success.message, success.message)
        return self.packaged.success(replace(success, message=message))

    def failure(self, failure: Failure) -> Wire:
        """Render a failure."""
        fields = tuple(
            replace(each, message=self.sentence(each.kind, failure.code, each.message))
            for each in failure.fields
        )
        message = self.sentence(failure.kind, failure.code, failure.message)
        return self.packaged.failure(replace(failure, message=message, fields=fields))

    def sentence(self, kind: str, code: str, packaged: str) -> str:
        """Return the text for a field, or else for the error, or else the packaged text."""
        return self.sentences.get(kind) or self.sentences.get(code) or packaged


def create_app(config: Mapping[str, Any]) -> Flask:
    """Create the app."""
    app = Flask(__name__)
    app.config["OTPAUTH_EMAIL_ENVELOPE"] = OwnWords(EmailEnvelope(http_status="semantic"), SENTENCES)
    app.config.from_mapping(config)
    otpauth.init_app(app)
    return app
