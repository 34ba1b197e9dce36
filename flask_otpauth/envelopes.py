"""
Wire formats, and what a host needs to write its own.

An envelope is an object with two methods, ``success`` and ``failure``. Name it in
``OTPAUTH_<FLOW>_ENVELOPE``. The envelope of a packaged flow is in the module of the flow, such as
``flask_otpauth.flows.email.EmailEnvelope``.
"""

from __future__ import annotations

from flask_otpauth.web.envelope import Envelope, Failure, FieldError, Success, Wire, declared, status_of
from flask_otpauth.web.problem import ProblemEnvelope

__all__ = [
    "Envelope",
    "Failure",
    "FieldError",
    "ProblemEnvelope",
    "Success",
    "Wire",
    "declared",
    "status_of",
]
