"""What a client can call. One file = one documented API = one blueprint."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.flows.account import account
from flask_otpauth.flows.email.handlers import email
from flask_otpauth.flows.flashcall.handlers import flashcall
from flask_otpauth.flows.sms import sms
from flask_otpauth.flows.voice.handlers import voice
from flask_otpauth.web.flow import Flow

#: The documented APIs by name.
FLOWS: Mapping[str, Flow] = {flow.name: flow for flow in (email, sms, flashcall, voice, account)}
