"""
What a flow is: one object that carries everything the rest of the package needs to know of it.

A flow declares what its document says. From that one declaration come the blueprint
(:mod:`flask_otpauth.web.blueprint`), the settings, the errors, ``flask otpauth flows``, and the rows of
``flask otpauth doctor``. The packaged flows are in :mod:`flask_otpauth.flows`; a host may write its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypedDict, TypeVar, Unpack

from flask_otpauth.core.clients import Client
from flask_otpauth.core.policies import SubjectKind
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

#: The class of a path, for which rate limits are set.
#: Of ``authentication`` only failures are counted.
RateLimitClass: TypeAlias = Literal["send", "redeem", "token", "authentication"]


@dataclass(frozen=True)
class Call(Generic[SettingsT, UseCaseT]):
    """What a handler is given beside the parsed body."""

    settings: SettingsT
    #: What the flow's ``build`` made.
    use_case: UseCaseT
    #: Who presents a live access token; ``None`` where the body holds what stands in for one.
    login: Login | None = None
    #: The variables of the path, the parameters of the query, and the header ``Authorization``.
    path: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    authorization: str = field(default="", repr=False)
    authenticated: Client | None = None

    @property
    def client(self) -> Client:
        """
        The client that calls.

        :raises RuntimeError: if the operation demands no credential: nobody is known to call then.
        """
        if self.authenticated is None:
            raise RuntimeError("this operation demands no credential of a client")
        return self.authenticated


Handler: TypeAlias = Callable[[Call[SettingsT, UseCaseT], BodyT], Success]


class Options(TypedDict, Generic[SettingsT, UseCaseT], total=False):
    """What an operation may say beside its path, body and rate limit: fields of :class:`Operation`."""

    name: str
    credential: Credential | None
    login: UserToken | None
    messages: Messages
    enabled: Callable[[SettingsT, UseCaseT], bool]
    allowed: Callable[[SettingsT], bool]


@dataclass(frozen=True)
class Operation(Generic[SettingsT, UseCaseT]):
    """One path of a flow: its method, the body that it takes, and its handler."""

    name: str
    method: Literal["GET", "POST"]
    #: The path behind the flow's prefix, as Werkzeug writes rules.
    path: str
    body: type[Body]
    handler: Handler[SettingsT, UseCaseT, Any]
    rate_limit: RateLimitClass
    #: How a client shows who it is; ``None`` where no client has to.
    credential: Credential | None = None
    #: The access token of a user that is demanded; ``None`` where none is.
    login: UserToken | None = None
    #: What this operation words differently.
    messages: Messages = field(default_factory=Messages)
    #: Where this is false, the path is not served.
    enabled: Callable[[SettingsT, UseCaseT], bool] = lambda settings, use_case: True
    #: Where this is false, the path is served, and this method gets 405.
    allowed: Callable[[SettingsT], bool] = lambda settings: True


#: Makes the use case of a flow, once for each app.
Build: TypeAlias = Callable[[Services, SettingsT], UseCaseT]


@dataclass(frozen=True)
class Flow(Generic[SettingsT, UseCaseT]):
    """One documented API."""

    #: Its name in ``OTPAUTH_FLOWS``, and in capitals the prefix of its settings.
    name: str
    settings: type[SettingsT]
    #: Makes what the handlers call as ``call.use_case``.
    build: Build[SettingsT, UseCaseT]
    messages: Messages
    #: The wire formats that it brings, by name, its own first. Any flow may be set to any of them.
    envelopes: Mapping[str, Callable[[FlowSettings], Envelope]] = field(default_factory=dict)
    #: How clients show who they are, where an operation says nothing else.
    credential: Credential | None = None
    #: Its clients are apps that many people hold: rate limits count addresses, not clients.
    on_devices: bool = False
    #: The channels on which it sends.
    channels: Callable[[SettingsT], tuple[str, ...]] = lambda settings: ()
    #: The scopes in which it counts, for each kind of subject.
    scopes: Mapping[SubjectKind, tuple[str, ...]] = field(default_factory=dict)
    #: The kind of address for which codes of the host's own views have this flow's limits.
    counts_host_codes: Literal["email", "phone"] | None = None
    #: The standing secrets that are kept by its settings, such as a PIN.
    secrets: Callable[[SettingsT], tuple[SecretKind, ...]] = lambda settings: ()
    #: How long the app's sessions and tokens are valid, if this flow's settings say so.
    session_policy: Callable[[SettingsT], SessionPolicy] | None = None
    #: Whether it creates users who are not in the directory.
    creates_users: Callable[[SettingsT], bool] = lambda settings: False
    #: The beginning of paths that hold codes, which access logs must mask.
    masked_prefix: Callable[[SettingsT], str | None] = lambda settings: None
    deviations: tuple[Deviation, ...] = ()
    #: APIs in other formats that are served together with this one, with its name and settings.
    companions: tuple[Flow[SettingsT, Any], ...] = ()
    #: The setting that says where its paths begin.
    prefix_setting: str = "url_prefix"
    #: Bodies may be forms too (``application/x-www-form-urlencoded``).
    reads_forms: bool = False
    #: ``WWW-Authenticate`` of a 401 where no credential of a client is demanded.
    scheme: str = ""
    operations: list[Operation[SettingsT, UseCaseT]] = field(default_factory=list)

    @property
    def parts(self) -> tuple[Flow[SettingsT, Any], ...]:
        """The flow and its companions."""
        return (self, *self.companions)

    def prefix(self, settings: FlowSettings) -> str:
        """Return where its paths begin."""
        return str(getattr(settings, self.prefix_setting))

    def post(
        self,
        path: str,
        body: type[BodyT],
        rate_limit: RateLimitClass,
        **options: Unpack[Options[SettingsT, UseCaseT]],
    ) -> Callable[[Handler[SettingsT, UseCaseT, BodyT]], Handler[SettingsT, UseCaseT, BodyT]]:
        """Declare a handler of ``POST path``."""
        return self._declare("POST", path, body, rate_limit, options)

    def get(
        self,
        path: str,
        body: type[BodyT],
        rate_limit: RateLimitClass,
        **options: Unpack[Options[SettingsT, UseCaseT]],
    ) -> Callable[[Handler[SettingsT, UseCaseT, BodyT]], Handler[SettingsT, UseCaseT, BodyT]]:
        """Declare a handler of ``GET path``, whose ``body`` is read from the path."""
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


#: A flow of any settings, and one of its operations. Their functions are called only with the settings that
#: were read for the flow, and with what its ``build`` made.
AnyFlow: TypeAlias = Flow[FlowSettings, object]
AnyOperation: TypeAlias = Operation[FlowSettings, object]
