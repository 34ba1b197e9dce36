"""A profile: the declaration of a known provider, with parameters that a host fills in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field

from flask_otpauth.adapters.senders.declarations import Problem, WrongDeclaration
from flask_otpauth.adapters.senders.http.declaration import KEYS, SENDING, Declared, Needs, read
from flask_otpauth.core.nearest import nearest
from flask_otpauth.core.record import frozen

_VARIABLE = re.compile("{([a-z_]+)")


@frozen
class Profile:
    """How one provider takes messages. It is data: a declaration for each channel."""

    #: The pages of the provider's documentation that it follows.
    sources: tuple[str, ...]
    #: What each parameter means.
    parameters: Mapping[str, str]
    #: The declaration of each channel, which is merged over ``common``.
    channels: Mapping[str, Mapping[str, object]]
    common: Mapping[str, object] = field(default_factory=dict)
    #: The parameters that need not be given, and their values.
    defaults: Mapping[str, str] = field(default_factory=dict)


@frozen
class OwnerProfile:
    """How one provider sends codes of its own, and checks them."""

    #: How a code is requested on each channel.
    start: Profile
    #: The request that checks a code.
    check: Mapping[str, object]
    #: What its answer means: a :class:`~flask_otpauth.ports.senders.Check` by path and value.
    outcomes: Mapping[str, Mapping[str, str]]


@frozen
class Expanded:
    """What a declaration says for each channel."""

    channels: Mapping[str, Declared]
    #: What is missing for the other channels of the profile.
    lacking: Mapping[str, str] = field(default_factory=dict)


def expand(profile: Profile, declaration: Mapping[str, object], needs: Needs = SENDING) -> Expanded:
    """
    Merge ``declaration`` over ``profile``, key by key. A key of ``None`` is left out.

    A channel is there if all parameters that it uses are. The key of a channel, such as ``sms``, has
    what is different for it alone.

    :raises WrongDeclaration: if something is wrong. It has all problems.
    """
    problems = [*_unknown(profile, declaration), *_wrong_parameters(profile, declaration)]
    parameters = {**profile.defaults, **_parameters(profile, declaration)}
    channels: dict[str, Declared] = {}
    lacking: dict[str, str] = {}
    for channel in profile.channels:
        merged = _merged(profile, channel, declaration)
        used = _names(merged)
        missing = [name for name in profile.parameters if name in used and name not in parameters]
        if missing:
            lacking[channel] = f"needs {', '.join(map(repr, missing))}"
            continue
        try:
            channels[channel] = read(merged, parameters, needs)
        except WrongDeclaration as error:
            problems += _located(error.problems, channel, declaration)
    if not channels and not problems:
        sentence = "; ".join(f"{channel} {missing}" for channel, missing in lacking.items())
        problems.append(Problem((), sentence))
    if problems:
        raise WrongDeclaration(list(dict.fromkeys(problems)))
    return Expanded(channels, lacking)


def _unknown(profile: Profile, declaration: Mapping[str, object]) -> Iterable[Problem]:
    known = ["profile", *profile.parameters, *profile.channels, *KEYS]
    for name in declaration:
        if name not in known:
            yield Problem((name,), f"unknown key{nearest(str(name), known)}")


def _parameters(profile: Profile, declaration: Mapping[str, object]) -> dict[str, str]:
    """Return the parameters that are given. For a wrong one any text will do, because it is a problem."""
    given = {name: declaration[name] for name in profile.parameters if declaration.get(name)}
    return {name: str(value) if isinstance(value, (str, int)) else "0" for name, value in given.items()}


def _wrong_parameters(profile: Profile, declaration: Mapping[str, object]) -> Iterable[Problem]:
    for name in profile.parameters:
        value = declaration.get(name, "")
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            yield Problem((name,), "expected a string")
    for channel in profile.channels:
        if not isinstance(declaration.get(channel, {}), Mapping):
            yield Problem((channel,), "expected a dict of keys for this channel alone")


def _merged(profile: Profile, channel: str, declaration: Mapping[str, object]) -> dict[str, object]:
    own = declaration.get(channel)
    layers = [
        profile.common,
        profile.channels[channel],
        {key: declaration[key] for key in KEYS if key in declaration},
        own if isinstance(own, Mapping) else {},
    ]
    merged: dict[str, object] = {}
    for layer in layers:
        merged = _over(merged, layer)
    return merged


def _over(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Return ``below`` with the keys of ``above``, also within dicts. Those come first, as patterns do."""
    merged = {**dict.fromkeys(above), **below}
    for key, value in above.items():
        under = below.get(key)
        merged[key] = (
            _over(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
        )
    return {key: value for key, value in merged.items() if value is not None}


def _names(value: object) -> list[str]:
    """Return the variables in all texts of ``value``, each once."""
    if isinstance(value, str):
        return _VARIABLE.findall(value)
    parts: Iterable[object] = ()
    if isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, (list, tuple)):
        parts = value
    return list(dict.fromkeys(name for part in parts for name in _names(part)))


def _located(
    problems: Iterable[Problem], channel: str, declaration: Mapping[str, object]
) -> Iterable[Problem]:
    """Name the channel where a problem is within the keys that are for it alone."""
    own = declaration.get(channel)
    for each in problems:
        is_own = isinstance(own, Mapping) and each.path[:1] and each.path[0] in own
        yield Problem((channel, *each.path), each.sentence) if is_own else each
