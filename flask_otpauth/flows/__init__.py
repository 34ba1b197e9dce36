"""What a client can call. One file = one documented API = one blueprint."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.flows.account import account
from flask_otpauth.flows.base import Flow
from flask_otpauth.flows.email import email
from flask_otpauth.flows.flashcall import flashcall
from flask_otpauth.flows.sms import sms
from flask_otpauth.flows.voice import voice

#: The documented APIs by name.
FLOWS: Mapping[str, Flow] = {flow.name: flow for flow in (email, sms, flashcall, voice, account)}
