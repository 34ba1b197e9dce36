"""
The packaged flows, and what a host needs to write its own.

A packaged flow is a folder with the modules ``settings``, ``bodies``, ``messages``, ``envelope``,
``deviations`` (from the standards), ``flow`` (the object that has all of these, and builds the use case) and
``handlers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_otpauth.engine.logins import LoggedIn, Logins
from flask_otpauth.engine.services import Services
from flask_otpauth.flows.account import account
from flask_otpauth.flows.email import email
from flask_otpauth.flows.flashcall import flashcall
from flask_otpauth.flows.sms import sms
from flask_otpauth.flows.voice import voice
from flask_otpauth.settings import FlowSettings, Quotas, Region, UrlPath, WritingSettings
from flask_otpauth.web.body import Body, Code, EmailAddress, Locale, Name, OpaqueToken, PhoneNumber
from flask_otpauth.web.credentials import BareToken, SecretHeader, SecretOrSignedToken, SignedToken, UserToken
from flask_otpauth.web.deviations import NOT_BOUND_TO_THE_BROWSER, TELEPHONE, Deviation
from flask_otpauth.web.flow import Call, Flow
from flask_otpauth.web.messages import Messages, Phrase

_PACKAGED: tuple[Flow[Any, Any], ...] = (email, sms, flashcall, voice, account)

#: The packaged flows by name. To remove a flow, delete its folder and its line above.
FLOWS: Mapping[str, Flow[FlowSettings, object]] = {flow.name: flow for flow in _PACKAGED}

__all__ = [
    "FLOWS",
    "NOT_BOUND_TO_THE_BROWSER",
    "TELEPHONE",
    "BareToken",
    "Body",
    "Call",
    "Code",
    "Deviation",
    "EmailAddress",
    "Flow",
    "FlowSettings",
    "Locale",
    "LoggedIn",
    "Logins",
    "Messages",
    "Name",
    "OpaqueToken",
    "PhoneNumber",
    "Phrase",
    "Quotas",
    "Region",
    "SecretHeader",
    "SecretOrSignedToken",
    "Services",
    "SignedToken",
    "UrlPath",
    "UserToken",
    "WritingSettings",
    "account",
    "email",
    "flashcall",
    "sms",
    "voice",
]
