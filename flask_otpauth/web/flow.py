"""
The form that every flow has: operations, wording, and how a refusal is told.

A flow file declares what its document says. From that one declaration come the blueprint
(:mod:`flask_otpauth.web.blueprint`), the parsing, the errors and ``flask otpauth flows``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any, Literal, TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.core.clients import Client
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.sessions import Login
from flask_otpauth.engine.unlocking import SubjectKind
from flask_otpauth.settings import FlowSettings
from flask_otpauth.web.credentials import Credential
from flask_otpauth.web.envelope import Failure, FieldError, Success
from flask_otpauth.web.fields import Body

#: The class of a path, by which the limits in front are set.
#: Of ``authentication`` failures alone are counted.
RateLimitClass: TypeAlias = Literal["send", "redeem", "token", "authentication"]


@dataclass(frozen=True)
class Call:
    """What a handler is given beside the parsed body. It knows no HTTP."""

    services: Services
    settings: Any
    client: Client | None = None
    login: Login | None = None
    path: Mapping[str, str] = dataclass_field(default_factory=dict, repr=False)
    query: Mapping[str, str] = dataclass_field(default_factory=dict, repr=False)
    authorization: str = dataclass_field(default="", repr=False)


@dataclass(frozen=True)
class Phrase:
    """
    How a flow words one refusal.

    ``message`` and ``detail`` are templates over the refusal's evidence. ``kind`` is the word
    that the document has for it, ``field`` the field that is named as the cause (``"{field}"``:
    the one that the refusal names), ``detail`` what is said of that field where it differs from
    the message, ``data`` what is shown beside it.
    """

    message: str = ""
    field: str = ""
    kind: str = ""
    detail: str = ""
    data: Callable[[errors.Refusal, Any], Mapping[str, Any]] | None = None
    chosen_by: str = ""
    cases: Mapping[str, Phrase] = dataclass_field(default_factory=dict)

    @classmethod
    def by(cls, evidence: str, cases: Mapping[str, Phrase]) -> Phrase:
        """Words that depend on one piece of the evidence."""
        return cls(chosen_by=evidence, cases=cases)


Wording: TypeAlias = Mapping[type[errors.Refusal], Phrase]
Handler: TypeAlias = Callable[[Call, Any], Success]
Translate: TypeAlias = Callable[[str, Mapping[str, Any]], str]


@dataclass(frozen=True)
class Operation:
    """
    One path of a flow: its method, the body that it takes, and who handles it.

    ``credential``: how a client shows who it is. ``needs_login``: a user's access token is demanded,
    or, where none is alive, the field of the body that ``login_field`` names.
    Where it is not ``enabled`` its path is not there; where it is not ``allowed`` the path is, and
    answers 405. ``challenge``: what a 401 says in ``WWW-Authenticate`` where that is not the scheme
    of the flow's credential. ``path_setting`` is the setting that holds its path, where that is an
    absolute one and not below the flow's prefix.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    body: type[Body]
    handler: Handler
    rate_limit: RateLimitClass
    credential: Credential | None
    wording: Wording = dataclass_field(default_factory=dict)
    faults: Mapping[str, Phrase] = dataclass_field(default_factory=dict)
    failure_data: Mapping[str, Any] = dataclass_field(default_factory=dict)
    enabled: Callable[[Any, Services], bool] = lambda settings, services: True
    allowed: Callable[[Any], bool] = lambda settings: True
    path_setting: str = ""
    takes_form: bool = False
    needs_login: bool = False
    login_field: str | None = None
    envelope: str | None = None
    challenge: str = ""

    def path_in(self, settings: Any) -> str:
        """Where it is served."""
        if self.path_setting:
            return str(getattr(settings, self.path_setting))
        return f"{settings.url_prefix}{self.path}"


@dataclass
class Flow:
    """
    One documented API.

    ``wording`` says what each refusal reads; it is looked up by class, then by base class, so
    a row may cover a branch of the error tree. ``faults`` words the faults of fields, by
    ``field.kind``, then ``kind``, then ``field``. ``labels`` name fields in sentences.
    ``channels`` are those it sends on, ``scopes`` what its limits count under for each kind of
    subject. ``on_devices``: its credential is in an app that many people hold, so that the limits
    in front count addresses and not clients.
    """

    name: str
    settings: type[FlowSettings]
    wording: Wording
    faults: Mapping[str, Phrase]
    labels: Mapping[str, str] = dataclass_field(default_factory=dict)
    credential: Credential | None = None
    on_devices: bool = False
    channels: Callable[[Any], tuple[str, ...]] = lambda settings: ()
    scopes: Mapping[SubjectKind, tuple[str, ...]] = dataclass_field(default_factory=dict)
    translate: Callable[[str, Any, Mapping[str, Any]], str] = lambda text, settings, raw: text
    operations: list[Operation] = dataclass_field(default_factory=list)

    def post(
        self, path: str, body: type[Body], rate_limit: RateLimitClass, **options: Any
    ) -> Callable[[Handler], Handler]:
        """Declare a handler of ``POST path``."""
        return self._declare("POST", path, body, rate_limit, options)

    def get(
        self, path: str, body: type[Body], rate_limit: RateLimitClass, **options: Any
    ) -> Callable[[Handler], Handler]:
        """Declare a handler of ``GET path``, whose ``body`` is read from the path."""
        return self._declare("GET", path, body, rate_limit, options)

    def failure_for(
        self,
        refusal: errors.Refusal,
        settings: Any,
        raw: Mapping[str, Any],
        operation: Operation | None = None,
    ) -> Failure:
        """A refusal in this flow's words. ``raw`` is the request as far as it could be read."""

        def worded(template: str, evidence: Mapping[str, Any]) -> str:
            return self.translate(template, settings, raw).format_map(evidence)

        shown = operation.failure_data if operation else {}
        if isinstance(refusal, errors.InvalidFields):
            overlay = operation.faults if operation else {}
            fields = tuple(
                self._field_error(fault, {**self.faults, **overlay}, worded) for fault in refusal.faults
            )
            return Failure(
                type(refusal), fields[0].message, fields[0].kind, fields, {**shown, **refusal.data}
            )
        says = self._says(refusal, operation)
        message = worded(says.message, refusal.evidence())
        kind = says.kind or refusal.code
        data = says.data(refusal, settings) if says.data else refusal.data
        return Failure(
            type(refusal), message, kind, _blamed(says, refusal, kind, message, worded), {**shown, **data}
        )

    def _field_error(
        self, fault: errors.Fault, faults: Mapping[str, Phrase], worded: Translate
    ) -> FieldError:
        keys = (f"{fault.field}.{fault.kind}", fault.kind, fault.field, "*")
        says = next(faults[key] for key in keys if key in faults)
        label = worded(self.labels.get(fault.field, fault.field), {})
        message = worded(says.message, {**fault.evidence, "field": fault.field, "label": label})
        return FieldError(fault.field, says.kind or fault.kind, message)

    def _says(self, refusal: errors.Refusal, operation: Operation | None) -> Phrase:
        overlay = operation.wording if operation else {}
        for base in type(refusal).__mro__:
            for wording in (overlay, self.wording):
                if base in wording:
                    says = wording[base]
                    return says.cases[refusal.evidence()[says.chosen_by]] if says.chosen_by else says
        raise LookupError(f"flow {self.name!r} has no words for {type(refusal).__name__}")

    def _declare(
        self,
        method: Literal["GET", "POST"],
        path: str,
        body: type[Body],
        rate_limit: RateLimitClass,
        options: dict[str, Any],
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            name = options.pop("name", path.rpartition("/")[2])
            operation = Operation(name, method, path, body, handler, rate_limit, self.credential)
            self.operations.append(replace(operation, **options))
            return handler

        return declare


def _blamed(
    says: Phrase, refusal: errors.Refusal, kind: str, message: str, worded: Translate
) -> tuple[FieldError, ...]:
    """The field that a refusal is blamed on, where the document names one."""
    evidence = refusal.evidence()
    field = says.field.format_map(evidence)
    detail = worded(says.detail, evidence) if says.detail else message
    return (FieldError(field, kind, detail),) if field else ()
