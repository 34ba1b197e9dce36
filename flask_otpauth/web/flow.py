"""
What a flow is: one object that has everything that the rest of the package needs to know about it.

A flow declares what its document says. The blueprint (:mod:`flask_otpauth.web.blueprint`), the settings,
the errors, ``flask otpauth flows`` and the rows of ``flask otpauth doctor`` are all made from this
declaration. The packaged flows are in :mod:`flask_otpauth.flows`. A host can write its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Generic, Literal, TypeAlias, TypedDict, TypeVar, Unpack

from flask_otpauth.core.clients import Client
from flask_otpauth.core.policies import SubjectKind
from flask_otpauth.core.record import frozen, record
from flask_otpauth.engine.secrets import SecretKind
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.sessions import Login, SessionPolicy
from flask_otpauth.settings import FlowSettings
from flask_otpauth.web.body import Body
from flask_otpauth.web.credentials import Credential, UserToken
from flask_otpauth.web.deviations import Deviation
from flask_otpauth.web.envelope import Envelope, Success
from flask_otpauth.web.messages import Messages

SettingsT = TypeVar("SettingsT", bound=FlowSettings)
UseCaseT = TypeVar("UseCaseT")
BodyT = TypeVar("BodyT", bound=Body)

#: The class of a path, for which rate limits are set. For ``authentication`` only failures are counted.
RateLimitClass: TypeAlias = Literal["send", "redeem", "token", "authentication"]


@record
class Call(Generic[SettingsT, UseCaseT]):
    """What a handler gets in addition to the parsed body."""

    settings: SettingsT
    #: What the ``build`` of the flow returned.
    use_case: UseCaseT
    #: The login of the access token, if the operation requires a token. ``None`` if the body has the field
    #: that replaces it.
    login: Login | None = None
    #: The variables of the path.
    path: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: The parameters of the query.
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: The header ``Authorization``.
    authorization: str = field(default="", repr=False)
    #: The client, if the operation requires a credential.
    authenticated: Client | None = None

    @property
    def client(self) -> Client:
        """
        Return the client that calls.

        :raises RuntimeError: if the operation does not require a credential, so that the client is unknown.
        """
        if self.authenticated is None:
            raise RuntimeError("this operation does not require a credential of a client")
        return self.authenticated


Handler: TypeAlias = Callable[[Call[SettingsT, UseCaseT], BodyT], Success]


class Options(TypedDict, Generic[SettingsT, UseCaseT], total=False):
    """Options of an operation: fields of :class:`Operation`."""

    name: str
    credential: Credential | None
    login: UserToken | None
    messages: Messages
    repeats: Callable[[Any], Mapping[str, object]]
    shows_code: Callable[[SettingsT], bool]
    enabled: Callable[[SettingsT, UseCaseT], bool]
    allowed: Callable[[SettingsT], bool]


@frozen
class Operation(Generic[SettingsT, UseCaseT]):
    """One method of one path of a flow, with its body and its handler."""

    name: str
    method: Literal["GET", "POST"]
    #: The path after the flow's prefix, in the form of Werkzeug's rules.
    path: str
    body: type[Body]
    handler: Handler[SettingsT, UseCaseT, Any]
    rate_limit: RateLimitClass
    #: How a client authenticates. ``None`` if it does not have to.
    credential: Credential | None = None
    #: The access token that is required. ``None`` if none is.
    login: UserToken | None = None
    #: The words of this operation that differ from those of the flow.
    messages: Messages = field(default_factory=Messages)
    #: Returns what the data of an answer repeats of the body, such as an address. It is not kept with an
    #: idempotency key.
    repeats: Callable[[Any], Mapping[str, object]] = lambda body: {}
    #: Whether an answer can show a code. If so, it is encrypted when it is kept with an idempotency key.
    shows_code: Callable[[SettingsT], bool] = lambda settings: False
    #: If this is false, the path is not served.
    enabled: Callable[[SettingsT, UseCaseT], bool] = lambda settings, use_case: True
    #: If this is false, the path is served, and this method gets 405.
    allowed: Callable[[SettingsT], bool] = lambda settings: True


#: A function that makes the use case of a flow, once for each app.
Build: TypeAlias = Callable[[Services, SettingsT], UseCaseT]


@frozen
class Flow(Generic[SettingsT, UseCaseT]):
    """One documented API."""

    #: Its name in ``OTPAUTH_FLOWS``. In capitals, it is the prefix of its settings.
    name: str
    settings: type[SettingsT]
    #: Makes what the handlers get as ``call.use_case``.
    build: Build[SettingsT, UseCaseT]
    messages: Messages
    #: The wire formats that come with it, by name, with its own first. Any flow can be set to any of them.
    envelopes: Mapping[str, Callable[[FlowSettings], Envelope]] = field(default_factory=dict)
    #: How clients authenticate, unless an operation says otherwise.
    credential: Credential | None = None
    #: Whether a client is an app on the devices of many people. If so, rate limits count addresses.
    on_devices: bool = False
    #: The channels on which it sends messages.
    channels: Callable[[SettingsT], tuple[str, ...]] = lambda settings: ()
    #: The scopes of its limits, for each kind of subject.
    scopes: Mapping[SubjectKind, tuple[str, ...]] = field(default_factory=dict)
    #: The kind of address for which the codes of the host's own views have the limits of this flow.
    counts_host_codes: Literal["email", "phone"] | None = None
    #: The standing secrets, such as a PIN, whose rules its settings have.
    secrets: Callable[[SettingsT], tuple[SecretKind, ...]] = lambda settings: ()
    #: How long the app's sessions and tokens are valid, if the settings of this flow say so.
    session_policy: Callable[[SettingsT], SessionPolicy] | None = None
    #: Whether it creates a user who is not in the directory.
    creates_users: Callable[[SettingsT], bool] = lambda settings: False
    #: The beginning of paths that contain codes, which access logs must mask.
    masked_prefix: Callable[[SettingsT], str | None] = lambda settings: None
    deviations: tuple[Deviation, ...] = ()
    #: APIs in other formats that are served together with this one. They have its name and its settings.
    companions: tuple[Flow[SettingsT, Any], ...] = ()
    #: The name of the setting that has the beginning of its paths.
    prefix_setting: str = "url_prefix"
    #: Whether a body can also be a form (``application/x-www-form-urlencoded``).
    reads_forms: bool = False
    #: ``WWW-Authenticate`` in a 401 of a flow without ``credential``.
    scheme: str = ""
    operations: list[Operation[SettingsT, UseCaseT]] = field(default_factory=list)

    @property
    def parts(self) -> tuple[Flow[SettingsT, Any], ...]:
        """Return the flow and its companions."""
        return (self, *self.companions)

    def prefix(self, settings: FlowSettings) -> str:
        """Return the beginning of its paths."""
        return str(getattr(settings, self.prefix_setting))

    def post(
        self,
        path: str,
        body: type[BodyT],
        rate_limit: RateLimitClass,
        **options: Unpack[Options[SettingsT, UseCaseT]],
    ) -> Callable[[Handler[SettingsT, UseCaseT, BodyT]], Handler[SettingsT, UseCaseT, BodyT]]:
        """Declare the decorated function as the handler of ``POST path``."""
        return self._declare("POST", path, body, rate_limit, options)

    def get(
        self,
        path: str,
        body: type[BodyT],
        rate_limit: RateLimitClass,
        **options: Unpack[Options[SettingsT, UseCaseT]],
    ) -> Callable[[Handler[SettingsT, UseCaseT, BodyT]], Handler[SettingsT, UseCaseT, BodyT]]:
        """Declare the decorated function as the handler of ``GET path``. ``body`` is read from the path."""
        return self._declare("GET", path, body, rate_limit, options)

    def _declare(
        self,
        method: Literal["GET", "POST"],
        path: str,
        body: type[BodyT],
        rate_limit: RateLimitClass,
        options: Options[SettingsT, UseCaseT],
    ) -> Callable[[Handler[SettingsT, UseCaseT, BodyT]], Handler[SettingsT, UseCaseT, BodyT]]:
        given: Options[SettingsT, UseCaseT] = {
            "name": path.rpartition("/")[2],
            "credential": self.credential,
            **options,
        }

        def declare(
            handler: Handler[SettingsT, UseCaseT, BodyT],
        ) -> Handler[SettingsT, UseCaseT, BodyT]:
            self.operations.append(
                Operation(
                    method=method, path=path, body=body, handler=handler, rate_limit=rate_limit, **given
                )
            )
            return handler

        return declare


#: A flow with any settings, and an operation of it. Their functions are only called with the settings that
#: were read for this flow, and with what its ``build`` returned.
AnyFlow: TypeAlias = Flow[FlowSettings, object]
AnyOperation: TypeAlias = Operation[FlowSettings, object]
