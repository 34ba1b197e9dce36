"""Who makes a sender of a declaration in ``OTPAUTH_PROVIDERS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask_otpauth.adapters.senders.declarations import Problem, WrongDeclaration
from flask_otpauth.adapters.senders.http.owner import OWNER_PROFILES, HttpCodeOwner
from flask_otpauth.adapters.senders.http.profiles import PROFILES
from flask_otpauth.adapters.senders.http.sender import HttpSender
from flask_otpauth.ports.senders import Sender
from flask_otpauth.settings import Declaration, nearest

#: Makes a sender of a declaration, or raises :class:`WrongDeclaration`.
Builder = Callable[[Mapping[str, object]], Sender]


def _sip(declaration: Mapping[str, object]) -> Sender:
    # Most apps never call anybody.
    from flask_otpauth.adapters.senders.sip.sender import declared

    return declared(declaration)


def _asterisk(declaration: Mapping[str, object]) -> Sender:
    from flask_otpauth.adapters.senders.asterisk import declared

    return declared(declaration)


#: Who makes the sender of a declaration, by its profile.
BUILDERS: Mapping[str, Builder] = {
    **dict.fromkeys(PROFILES, HttpSender),
    **dict.fromkeys(OWNER_PROFILES, HttpCodeOwner),
    "asterisk": _asterisk,
    "sip": _sip,
}


def builder_of(declaration: Declaration) -> Builder:
    """
    Return what makes the sender of a declaration.

    :raises WrongDeclaration: if its profile is unknown.
    """
    if "profile" not in declaration:
        return HttpCodeOwner if "check" in declaration else HttpSender
    profile = declaration["profile"]
    if not isinstance(profile, str):
        raise WrongDeclaration([Problem(("profile",), "expected the name of a profile")])
    if profile not in BUILDERS:
        known = nearest(profile, BUILDERS)
        raise WrongDeclaration([Problem(("profile",), f"unknown profile {profile!r}{known}")])
    return BUILDERS[profile]
