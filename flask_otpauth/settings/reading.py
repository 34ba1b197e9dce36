"""Reading the configuration: all keys at once, and everything that is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from flask_otpauth.settings.declared import FlowSettings, Shared
from flask_otpauth.settings.described import PREFIX, Settings, accepted

#: Errors whose own sentence says more than what the field accepts: how it begins, and begins here.
_SPEAKING = {
    "value_error": ("Value error, ", ""),
    "import_error": ("Invalid python path: ", "cannot import: "),
}

SettingsT = TypeVar("SettingsT", bound=Settings)


def read(
    config: Mapping[str, Any], flows: Mapping[str, type[FlowSettings]]
) -> tuple[Shared, dict[str, Any], list[str]]:
    """
    Read every ``OTPAUTH_*`` key of ``config``: shared settings, settings by flow, and problems.

    A value that is wrong gives way to its default, so that all other problems can be found in
    the same start-up. A problem names its key and never shows what was given for a secret.
    """
    problems: list[str] = []
    given = {key.removeprefix(PREFIX): value for key, value in config.items() if key.startswith(PREFIX)}
    shared = _checked(Shared, "", _taken(given, Shared, ""), problems)
    by_flow: dict[str, Any] = {}
    for name, settings in flows.items():
        prefix = _prefix(name)
        values = {**_inherited(shared, settings), **_taken(given, settings, prefix)}
        if shared.profile == "hardened":
            values = {**settings.hardened, **values}
        by_flow[name] = _checked(settings, prefix, values, problems)
    problems += _unknown(given, flows)
    problems += [
        f"{PREFIX}FLOWS: unknown flow {name!r}: expected one of {', '.join(flows)}"
        for name in shared.flows
        if name not in flows
    ]
    for name, each in by_flow.items():
        found = each.problems(shared) if name in shared.flows else []
        if each.host_channels and not found:
            found = each.code_problems()
        problems += [f"{PREFIX}{_prefix(name)}{problem}" for problem in found]
    return shared, by_flow, problems


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the known one that it may be meant for."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _prefix(flow: str) -> str:
    return f"{flow.upper()}_"


def _taken(given: dict[str, Any], settings: type[Settings], prefix: str) -> dict[str, Any]:
    """Take the values of one settings class out of ``given``."""
    names = {f"{prefix}{name.upper()}": name for name in settings.model_fields}
    return {names[key]: given.pop(key) for key in list(given) if key in names}


def _inherited(shared: Shared, settings: type[Settings]) -> dict[str, Any]:
    """What a flow that says nothing else takes over from the keys that are about no flow."""
    takes = "language" in settings.model_fields and shared.language is not None
    return {"language": shared.language} if takes else {}


def _checked(
    settings: type[SettingsT], prefix: str, values: dict[str, Any], problems: list[str]
) -> SettingsT:
    try:
        return settings(**values)
    except ValidationError as error:
        wrong = _sentences(settings, error)
    problems += [f"{PREFIX}{prefix}{name.upper()}: {sentence}" for name, sentence in wrong.items()]
    return settings(**{name: value for name, value in values.items() if name not in wrong})


def _sentences(settings: type[Settings], error: ValidationError) -> dict[str, str]:
    """What is wrong with each field: what its validator says, else what it accepts."""
    found: dict[str, str] = {}
    for each in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(each["loc"][0])
        own = each["msg"].replace(*_SPEAKING[each["type"]]) if each["type"] in _SPEAKING else ""
        found.setdefault(name, own or f"expected {accepted(settings.model_fields[name])}")
    return found


def _unknown(given: Mapping[str, Any], flows: Mapping[str, type[FlowSettings]]) -> list[str]:
    known = [f"{PREFIX}{name.upper()}" for name in Shared.model_fields]
    known += [
        f"{PREFIX}{_prefix(flow)}{name.upper()}"
        for flow, settings in flows.items()
        for name in settings.model_fields
    ]
    return [f"{PREFIX}{key}: unknown setting{nearest(PREFIX + key, known)}" for key in given]
