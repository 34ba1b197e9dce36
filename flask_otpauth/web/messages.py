"""The words of a flow for what went wrong: phrases by error class and by fault of a field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field as dataclass_field
from typing import Any, TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.core.record import frozen
from flask_otpauth.settings import FlowSettings
from flask_otpauth.web.envelope import Failure, FieldError

#: Translates a sentence for a request: (sentence, settings of the flow, fields of the request).
Translate: TypeAlias = Callable[[str, Any, Mapping[str, object]], str]


@frozen
class Phrase:
    """The words of a flow for one refusal, or for one fault of a field."""

    #: A template over the evidence of the refusal.
    message: str = ""
    #: The field that is named as the cause. ``"{field}"`` stands for the one that the refusal names.
    field: str = ""
    #: The document's word for the error. Default: the stable code.
    kind: str = ""
    #: What is said about the field, if that differs from the message.
    detail: str = ""
    #: Makes what the answer shows in addition to the message, from the refusal and the settings of the flow.
    data: Callable[[errors.Refusal, Any], Mapping[str, object]] | None = None
    #: The piece of the evidence that chooses one of ``cases``.
    chosen_by: str = ""
    cases: Mapping[str, Phrase] = dataclass_field(default_factory=dict)

    @classmethod
    def by(cls, evidence: str, cases: Mapping[str, Phrase]) -> Phrase:
        """Return a phrase that depends on one piece of the evidence."""
        return cls(chosen_by=evidence, cases=cases)


Wording: TypeAlias = Mapping[type[errors.Refusal], Phrase]


def _same(sentence: str, settings: object, raw: Mapping[str, object]) -> str:
    return sentence


@frozen
class Messages:
    """The words of a flow, or those of one operation that differ."""

    #: By error class. A class without a phrase has the one of its base class.
    wording: Wording = dataclass_field(default_factory=dict)
    #: Faults of fields: by ``field.kind``, then ``kind``, then ``field``, then ``*``.
    faults: Mapping[str, Phrase] = dataclass_field(default_factory=dict)
    #: The names of fields in sentences.
    labels: Mapping[str, str] = dataclass_field(default_factory=dict)
    #: Data that every failure shows.
    data: Mapping[str, object] = dataclass_field(default_factory=dict)
    translate: Translate = _same

    def with_changes(self, other: Messages) -> Messages:
        """Return these messages, with those of one operation in place of the ones that differ."""
        return Messages(
            {**self.wording, **other.wording},
            {**self.faults, **other.faults},
            {**self.labels, **other.labels},
            {**self.data, **other.data},
            self.translate,
        )

    def failure_for(
        self, refusal: errors.Refusal, settings: FlowSettings, raw: Mapping[str, object]
    ) -> Failure:
        """
        Return ``refusal`` in these words. ``raw`` is the request, as far as it was read.

        :raises LookupError: if there is no phrase for it.
        """

        def worded(template: str, evidence: Mapping[str, object]) -> str:
            return self.translate(template, settings, raw).format_map(evidence)

        if isinstance(refusal, errors.InvalidFields):
            fields = tuple(self._field_error(fault, worded) for fault in refusal.faults)
            shown = {**self.data, **refusal.data}
            return Failure(type(refusal), fields[0].message, fields[0].kind, fields, shown)
        phrase = self._phrase(refusal)
        message = worded(phrase.message, refusal.evidence())
        kind = phrase.kind or refusal.code
        data = phrase.data(refusal, settings) if phrase.data else refusal.data
        blamed = _blamed(phrase, refusal, kind, message, worded)
        return Failure(type(refusal), message, kind, blamed, {**self.data, **data})

    def _field_error(self, fault: errors.Fault, worded: _Worded) -> FieldError:
        keys = (f"{fault.field}.{fault.kind}", fault.kind, fault.field, "*")
        phrase = next(self.faults[key] for key in keys if key in self.faults)
        label = worded(self.labels.get(fault.field, fault.field), {})
        message = worded(phrase.message, {**fault.evidence, "field": fault.field, "label": label})
        return FieldError(fault.field, phrase.kind or fault.kind, message)

    def _phrase(self, refusal: errors.Refusal) -> Phrase:
        for base in type(refusal).__mro__:
            if base in self.wording:
                phrase = self.wording[base]
                return phrase.cases[refusal.evidence()[phrase.chosen_by]] if phrase.chosen_by else phrase
        raise LookupError(f"there are no words for {type(refusal).__name__}")


_Worded: TypeAlias = Callable[[str, Mapping[str, object]], str]


def _blamed(
    phrase: Phrase, refusal: errors.Refusal, kind: str, message: str, worded: _Worded
) -> tuple[FieldError, ...]:
    """Return the field that a refusal is blamed on, if the document names one."""
    evidence = refusal.evidence()
    name = phrase.field.format_map(evidence)
    detail = worded(phrase.detail, evidence) if phrase.detail else message
    return (FieldError(name, kind, detail),) if name else ()
