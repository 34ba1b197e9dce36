"""
The packaged senders, and the types for a sender of your own.

A sender is an object with one method, ``send(message) -> Receipt``. Set it in ``OTPAUTH_SENDERS``.
"""

from flask_otpauth.adapters.senders.asterisk import AsteriskSender, AsteriskServer
from flask_otpauth.adapters.senders.console import ConsoleSender
from flask_otpauth.adapters.senders.declarations import WrongDeclaration
from flask_otpauth.adapters.senders.http.owner import HttpCodeOwner
from flask_otpauth.adapters.senders.http.sender import HttpSender
from flask_otpauth.adapters.senders.mail import MailSender
from flask_otpauth.adapters.senders.memory import MemorySender
from flask_otpauth.adapters.senders.sip.declaration import SipTrunk
from flask_otpauth.adapters.senders.sip.sender import SipSender
from flask_otpauth.ports.senders import Check, CodeOwner, Message, Receipt, Sender, Status

__all__ = [
    "AsteriskSender",
    "AsteriskServer",
    "Check",
    "CodeOwner",
    "ConsoleSender",
    "HttpCodeOwner",
    "HttpSender",
    "MailSender",
    "MemorySender",
    "Message",
    "Receipt",
    "Sender",
    "SipSender",
    "SipTrunk",
    "Status",
    "WrongDeclaration",
]
