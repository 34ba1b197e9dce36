"""Reads all keys of a configuration, and finds everything that is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import InitVar, dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from flask_otpauth.core.nearest import nearest
from flask_otpauth.settings.declared import PREFIX, FlowSettings, Settings, Shared
from flask_otpauth.settings.described import describe_values

#: Errors with a sentence that is better than the words for what a field accepts. Its beginning is replaced.
_SPEAKING = {
    "value_error": ("Value error, ", ""),
    "import_error": ("Invalid python path: ", "cannot import: "),
}

SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass
class Reader:
    """
    Reads every ``OTPAUTH_*`` key of a configuration, and collects the problems.

    A wrong value is replaced by the default, so that all other problems can be found at the same
    time. A problem names its key, and does not contain the value.
    """

    config: InitVar[Mapping[str, object]]
    problems: list[str] = field(default_factory=list)

    def __post_init__(self, config: Mapping[str, object]) -> None:
        given = {key.removeprefix(PREFIX): value for key, value in config.items() if key.startswith(PREFIX)}
        self._given = given

    def shared(self) -> Shared:
        """Return the settings that are shared by all flows."""
        return _check(Shared, "", _take(self._given, Shared, ""), self.problems)

    def flows(
        self, shared: Shared, flows: Mapping[str, type[FlowSettings]], registered: Collection[str]
    ) -> dict[str, FlowSettings]:
        """Return the settings of each flow. Keys that are left after that are unknown."""
        self.problems += _collisions(flows)
        by_flow = {name: self._of(name, settings, shared) for name, settings in flows.items()}
        self.problems += _unknown(self._given, flows)
        for name, each in by_flow.items():
            found = each.problems(shared) if name in registered else []
            if each.host_channels and not found:
                found = each.code_problems()
            self.problems += [f"{PREFIX}{_prefix(name)}{problem}" for problem in found]
        return by_flow

    def _of(self, name: str, settings: type[FlowSettings], shared: Shared) -> FlowSettings:
        prefix = _prefix(name)
        values = {**_inherited(shared, settings), **_take(self._given, settings, prefix)}
        if shared.profile == "hardened":
            values = {**settings.hardened, **values}
        return _check(settings, prefix, values, self.problems)


def _collisions(flows: Mapping[str, type[FlowSettings]]) -> list[str]:
    """Return a sentence for each key that two flows have, or a flow and the shared settings."""
    keys = Counter(list(Shared.fields_by_key()))
    keys.update(
        f"{_prefix(flow)}{key}" for flow, settings in flows.items() for key in settings.fields_by_key()
    )
    return [
        f"{PREFIX}FLOWS: {PREFIX}{key} would be two settings; give the flow another name"
        for key, count in keys.items()
        if count > 1
    ]


def _prefix(flow: str) -> str:
    return f"{flow.upper()}_"


def _take(given: dict[str, object], settings: type[Settings], prefix: str) -> dict[str, object]:
    """Take the values of a class of settings out of ``given``."""
    names = {f"{prefix}{key}": name for key, name in settings.fields_by_key().items()}
    return {names[key]: given.pop(key) for key in list(given) if key in names}


def _inherited(shared: Shared, settings: type[Settings]) -> dict[str, object]:
    """Return the shared values that apply to a flow unless it has its own."""
    takes = "language" in settings.model_fields and shared.language is not None
    return {"language": shared.language} if takes else {}


def _check(
    settings: type[SettingsT], prefix: str, values: dict[str, object], problems: list[str]
) -> SettingsT:
    try:
        return settings(**values)
    except ValidationError as error:
        wrong = _sentences(settings, error)
    problems += [
        f"{PREFIX}{prefix}{key}: {wrong[name]}"
        for key, name in settings.fields_by_key().items()
        if name in wrong
    ]
    return settings(**{name: value for name, value in values.items() if name not in wrong})


def _sentences(settings: type[Settings], error: ValidationError) -> dict[str, str]:
    """Return what is wrong with each field: the sentence of its validator, or what it accepts."""
    found: dict[str, str] = {}
    for each in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(each["loc"][0])
        own = each["msg"].replace(*_SPEAKING[each["type"]]) if each["type"] in _SPEAKING else ""
        found.setdefault(name, own or f"expected {describe_values(settings.model_fields[name])}")
    return found


def _unknown(given: Mapping[str, object], flows: Mapping[str, type[FlowSettings]]) -> list[str]:
    known = [f"{PREFIX}{key}" for key in Shared.fields_by_key()]
    known += [
        f"{PREFIX}{_prefix(flow)}{key}"
        for flow, settings in flows.items()
        for key in settings.fields_by_key()
    ]
    return [f"{PREFIX}{key}: unknown setting{nearest(PREFIX + key, known)}" for key in given]
