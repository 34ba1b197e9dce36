"""Senders with an HTTP API whose provider draws the code and checks it, declared in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from flask_otpauth.adapters.senders.declarations import Problem, WrongDeclaration
from flask_otpauth.adapters.senders.http.answers import HTTP, Facts
from flask_otpauth.adapters.senders.http.declaration import CHECKING, STARTING, Declared, read
from flask_otpauth.adapters.senders.http.profile import Expanded, Profile, expand
from flask_otpauth.adapters.senders.http.profiles.twilio_verify import TWILIO_VERIFY
from flask_otpauth.adapters.senders.http.profiles.vonage_verify import VONAGE_VERIFY
from flask_otpauth.adapters.senders.http.sender import HttpSender, client_of
from flask_otpauth.core.nearest import nearest
from flask_otpauth.ports.senders import CHANNELS, Check, Message

if TYPE_CHECKING:
    from flask_otpauth.adapters.senders.http.profile import OwnerProfile

#: The profiles of providers that own the codes, by name.
OWNER_PROFILES: Mapping[str, OwnerProfile] = {
    "twilio-verify": TWILIO_VERIFY,
    "vonage-verify": VONAGE_VERIFY,
}
#: The keys of the connection. They hold for both requests.
_SHARED = ("auth", "connect_seconds", "total_seconds", "ca_file")
_CHECK = "check"

#: What an answer means, by the path of a value and by the value.
Outcomes = Mapping[str, Mapping[str, Check]]


class HttpCodeOwner(HttpSender):
    """
    Has a provider send a code by one HTTP request, and check it by another one.

    A declaration has the keys of :class:`HttpSender` for the first request, and under ``check`` those of the
    second one. There, ``outcomes`` says what an answer means. Further variables are ``{code}`` and
    ``{provider_id}``.

    :raises WrongDeclaration: if something is wrong with the declaration. It has all problems.
    """

    def __init__(self, declaration: Mapping[str, object]) -> None:
        starting = {name: each for name, each in declaration.items() if name != _CHECK}
        self._offer(_started(starting))
        self._checking = _Checking(*_checked(declaration))

    def check(self, recipient: str, code: str, provider_id: str) -> Check:
        """
        Ask the provider whether ``code`` is right.

        :raises Exception: if there is no clear answer.
        """
        return self._checking.check(Message("", recipient, code), provider_id)


class _Checking:
    """The request that checks a code."""

    def __init__(self, declared: Declared, outcomes: Outcomes) -> None:
        self._call = declared.call
        self._client = client_of(declared.link)
        self._outcomes = outcomes

    def check(self, message: Message, provider_id: str) -> Check:
        call = replace(self._call, parameters={**self._call.parameters, "provider_id": provider_id})
        facts = Facts(self._client.exchange(call.request(message)), message.code)
        for path, known in self._outcomes.items():
            value = facts.find(path)
            found = next((known[each] for each in known if value and fnmatchcase(value, each)), None)
            if found is not None:
                return found
        raise ValueError(facts.detail(HTTP))


def _started(declaration: Mapping[str, object]) -> Expanded:
    """Return how a verification is started on each channel."""
    profile = _profile(declaration)
    if profile is None:
        return Expanded(dict.fromkeys(CHANNELS, read(declaration, {}, STARTING)))
    return expand(profile.start, declaration, STARTING)


def _checked(declaration: Mapping[str, object]) -> tuple[Declared, Outcomes]:
    """Return how a code is checked."""
    given = declaration.get(_CHECK, {})
    if not isinstance(given, Mapping):
        raise WrongDeclaration([Problem((_CHECK,), "expected a dict")])
    profile = _profile(declaration)
    usual = profile.outcomes if profile else {}
    outcomes = _outcomes(given.get("outcomes", usual))
    shared = {name: declaration[name] for name in _SHARED if name in declaration}
    request = {**shared, **{name: each for name, each in given.items() if name != "outcomes"}}
    try:
        if profile is None:
            return read(request, {"provider_id": ""}, CHECKING), outcomes
        parameters = {name: declaration[name] for name in profile.start.parameters if name in declaration}
        checking = Profile(
            profile.start.sources,
            {**profile.start.parameters, "provider_id": "The id of the verification."},
            {_CHECK: profile.check},
            defaults={**profile.start.defaults, "provider_id": ""},
        )
        expanded = expand(checking, {**parameters, **request}, CHECKING)
    except WrongDeclaration as error:
        raise WrongDeclaration([_within_check(each) for each in error.problems]) from None
    return expanded.channels[_CHECK], outcomes


def _within_check(problem: Problem) -> Problem:
    return Problem((_CHECK, *problem.path), problem.sentence)


def _profile(declaration: Mapping[str, object]) -> OwnerProfile | None:
    name = declaration.get("profile")
    return None if name is None else OWNER_PROFILES[str(name)]


def _outcomes(given: object) -> Outcomes:
    known = [each.value for each in Check]
    if not isinstance(given, Mapping) or not all(isinstance(each, Mapping) for each in given.values()):
        raise WrongDeclaration(
            [Problem((_CHECK, "outcomes"), "expected a dict of dicts of outcomes by value")]
        )
    problems = [
        Problem((_CHECK, "outcomes", path, pattern), f"unknown outcome{nearest(str(each), known)}")
        for path, values in given.items()
        for pattern, each in values.items()
        if each not in known
    ]
    if not any(each == Check.APPROVED for values in given.values() for each in values.values()):
        problems.append(Problem((_CHECK, "outcomes"), "no answer means 'approved'"))
    if problems:
        raise WrongDeclaration(problems)
    return {
        str(path): {str(pattern): Check(each) for pattern, each in values.items()}
        for path, values in given.items()
    }
