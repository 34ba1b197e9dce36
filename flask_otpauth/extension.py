"""The extension object, which an app creates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, wraps
from typing import Any, ParamSpec, TypeAlias, cast

from flask import Blueprint, Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine
from werkzeug.local import LocalProxy

from flask_otpauth import cli
from flask_otpauth.core import errors
from flask_otpauth.engine.campaigns import Campaigns
from flask_otpauth.engine.clients import Clients
from flask_otpauth.engine.deliveries import Deliveries
from flask_otpauth.engine.host_codes import HostCodes
from flask_otpauth.engine.logins import Logins
from flask_otpauth.engine.orders import Orders
from flask_otpauth.engine.phone_codes import PhoneCodes
from flask_otpauth.engine.resets import AccountUseCases, Resets
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.sessions import Login, Tokens
from flask_otpauth.engine.spoken_codes import SpokenCodes
from flask_otpauth.engine.unlocking import Unlocked
from flask_otpauth.engine.user_sessions import UserSessions
from flask_otpauth.engine.users import Users
from flask_otpauth.ports.directory import User, UserReference
from flask_otpauth.web.credentials import Presented, user_login
from flask_otpauth.wiring import AppState, inbox, wire
from flask_otpauth.wiring.databases import ViewUsers

P = ParamSpec("P")
#: What a protected route reads of its user, together with the session.
_READ = frozenset(
    (
        "id",
        "email",
        "phone",
        "member_id",
        "full_name",
        "avatar_url",
        "is_enabled",
        "email_verified",
        "phone_verified",
    )
)
#: A view, which may be a coroutine function.
View: TypeAlias = Callable[P, ResponseReturnValue | Awaitable[ResponseReturnValue]]


class OtpAuth:
    """
    One-time-code authentication for a Flask app: a blueprint for each documented API.

    The arguments are objects of your code. Everything else is set in ``app.config`` (``OTPAUTH_*``). One
    object can serve several apps: the state of each app is in ``app.extensions["otpauth"]``.

    :param app: the app, if it exists already. Otherwise call :meth:`init_app` later.
    :param limiter: the Flask-Limiter object that counts requests. Default: the one of the app.
    :param db: a Flask-SQLAlchemy object or an SQLAlchemy ``Engine``. Default: the Flask-SQLAlchemy of the
        app.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        limiter: Limiter | None = None,
        db: SQLAlchemy | Engine | None = None,
    ) -> None:
        self._limiter = limiter
        self._db = db
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """
        Read the configuration and register the blueprints of the flows.

        :raises ~flask_otpauth.errors.ConfigurationError: if the configuration cannot work. It names every
            problem at once.
        :raises RuntimeError: if the app has an OtpAuth already.
        """
        if "otpauth" in app.extensions:
            raise RuntimeError(
                "this app already has an OtpAuth: create one object, import it where you need it, "
                "and call init_app once for each app"
            )
        state = wire(app, self._limiter, self._db)
        app.register_blueprint(Blueprint("otpauth_templates", "flask_otpauth", template_folder="templates"))
        for mount in state.mounts.values():
            app.register_blueprint(mount.blueprint())
        if state.inbox is not None:
            inbox.mount(app, state.inbox)
        if state.receipts.reports.schemes:
            app.register_blueprint(state.receipts.blueprint())
        app.extensions["otpauth"] = state
        # Flask finds the commands by their entry point too, but a test runner and a vendored copy do not.
        app.cli.add_command(cli.otpauth)

    @property
    def users(self) -> Users:
        """Users of the current app: ``create``, ``get_or_create``, ``find``, ``disable``, ``delete``."""
        return self._state.services.users

    @property
    def codes(self) -> HostCodes:
        """Codes for the host's own views: ``send`` and ``redeem``."""
        return self._state.services.host_codes

    @property
    def clients(self) -> Clients:
        """Clients of the server-to-server flows: ``create``, ``list``, ``block``, ``unblock``, ``rotate``."""
        return self._state.services.clients

    @property
    def campaigns(self) -> Campaigns:
        """Campaigns of the voice flow: ``create``, ``list``, ``pause``, ``resume``."""
        return self._state.use_case("voice", SpokenCodes).campaigns

    @property
    def deliveries(self) -> Deliveries:
        """Messages that wait in the database, for the workers of your queue: ``deliver``, ``deliver_due``."""
        return self._state.services.deliveries

    @property
    def current_user(self) -> User:
        """
        The user of the access token that :meth:`token_required` checked, as a proxy. A row of a
        Flask-SQLAlchemy model belongs to ``db.session``. A view that changes it must commit.

        For a type checker it is a :class:`~flask_otpauth.users.User`. To use columns of your own
        model, write ``cast(Customer, otpauth.current_user)``.

        :raises RuntimeError: outside of a protected view, when an attribute is used.
        """
        return cast(User, _UserProxy(lambda: _current().user))

    @property
    def sessions(self) -> UserSessions:
        """Sessions of users: ``list``, ``revoke``, ``revoke_all``."""
        return UserSessions(self._state.services.users)

    @property
    def logins(self) -> Logins:
        """Log in by a code that is sent by e-mail: ``request``, ``verify``, ``refresh``, ``logout``."""
        return self._state.use_case("email", Logins)

    @property
    def phone_codes(self) -> PhoneCodes:
        """Codes by SMS with the limits of the flow ``sms``: ``holder_of``, ``resend``, ``verify``."""
        return self._state.use_case("sms", PhoneCodes)

    @property
    def orders(self) -> Orders:
        """Flash calls with the limits of the flow ``flashcall``: ``create``, ``redeem``."""
        return self._state.use_case("flashcall", Orders)

    @property
    def resets(self) -> Resets:
        """Resets of a customer's PIN and password by code: ``request``, ``reset_pin``, ``reset_password``."""
        return self._state.use_case("account", AccountUseCases).resets

    def login(self, whom: UserReference) -> Tokens:
        """
        Open a session for a user whom your own code has identified: by a code that it redeemed, by
        single sign-on or at registration.

        If ``OTPAUTH_EMAIL_SINGLE_SESSION`` is on, the user's other sessions end.

        :param whom: the user, or what names one, as in :meth:`revoke_sessions`.
        :returns: an access token, a refresh token, and when the access token expires.
        :raises ValueError: if there is no such user.
        :raises ~flask_otpauth.errors.UserNotFound: if the user is disabled.
        """
        user = self.users.look_up(whom)
        if user is None:
            raise ValueError("there is no such user")
        return self._state.services.sessions.login(user)

    def create_all(self) -> None:
        """Create the tables that are missing in the current app's database."""
        self._state.services.upkeep.create_all()

    def revoke_sessions(self, whom: UserReference) -> int:
        """
        End all sessions and account tokens of a user.

        :param whom: the user, the id, or an e-mail address, a phone number or a member id.
        :returns: how many sessions were alive; 0 if there is no such user.
        """
        return self.users.revoke_sessions(whom)

    def issue_account_token(self, whom: UserReference) -> str:
        """
        Issue an account token, with which an app shows the ``sms`` flow whose account it is for. Your
        own login calls this and gives the token to the app.

        :param whom: the user, or what names one, as in :meth:`revoke_sessions`.
        :raises ValueError: if there is no such user.
        """
        user = self.users.look_up(whom)
        if user is None:
            raise ValueError("cannot issue an account token: no such user")
        return self._state.use_case("sms", PhoneCodes).account_tokens.issue(user)

    def unlock(self, subject: UserReference) -> Unlocked:
        """
        Forget everything that is counted for an address or a user, so that nothing is locked any more.

        :param subject: an e-mail address or a phone number, in any spelling; or a user, or what names
            one, as in :meth:`revoke_sessions`. A user's addresses, PIN and password are unlocked too.
        :returns: what was forgotten, in ``changes``. It is true if any of it had locked the subject.
        """
        return self._state.services.unlocking.unlock(subject)

    def token_required(self, view: View[P]) -> Callable[P, ResponseReturnValue]:
        """
        Decorate a view that only a logged-in user may call: one whose request has an access token
        (``Authorization: Bearer``, RFC 6750). Any other request is answered with 401.

        :param view: the view, which may be a coroutine function.
        """
        return self._protect(view, None)

    def fresh_otp_required(
        self, max_age: int | timedelta = 300
    ) -> Callable[[View[P]], Callable[P, ResponseReturnValue]]:
        """
        Decorate a view as :meth:`token_required` does, for users whose login is recent (RFC 9470).

        :param max_age: how old the login may be, in seconds or as a ``timedelta``.
        """
        period = max_age if isinstance(max_age, timedelta) else timedelta(seconds=max_age)
        return lambda view: self._protect(view, period)

    def token_optional(self, view: View[P]) -> Callable[P, ResponseReturnValue]:
        """
        Decorate a view as :meth:`token_required` does, but allow a request without the header
        ``Authorization``. ``current_user`` is false then: test it with ``if otpauth.current_user:``.
        A token that is not valid is refused.

        :param view: the view, which may be a coroutine function.
        """
        return self._protect(view, None, is_optional=True)

    def _protect(
        self, view: View[P], max_age: timedelta | None, *, is_optional: bool = False
    ) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def protected(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            state = self._state
            # The flow that issues access tokens answers refusals and bugs.
            refuse = state.protected_views.answer_error
            try:
                login = _login(state.services, max_age, is_optional)
            except Exception as error:  # noqa: BLE001 - every error is answered in the envelope
                return refuse(error)
            # In tests of a host, one app context can serve several requests, each with its own user.
            g.otpauth_current = _Current(login, state.for_views)
            try:
                result: ResponseReturnValue = current_app.ensure_sync(view)(*args, **kwargs)
            except errors.Unavailable as error:  # The view called this extension.
                return refuse(error)
            return result

        return protected

    @property
    def _state(self) -> AppState:
        if "otpauth" not in current_app.extensions:
            raise RuntimeError("OtpAuth is not initialized for this app: call otpauth.init_app(app)")
        return cast(AppState, current_app.extensions["otpauth"])


@dataclass
class _Current:
    """Who is logged in, in one request."""

    login: Login | None
    for_views: ViewUsers

    @cached_property
    def user(self) -> object:
        """The object that views get. ``None`` if nobody is logged in."""
        return None if self.login is None else self.for_views.object_of(self.login.user)

    def having(self, attribute: str) -> object:
        """Return what has the attribute: the user as it was read, or else the object that views get."""
        if self.login is None or attribute not in _READ:
            return self.user
        # An id does not change. Anything else may be changed by the view, in the object.
        is_changing = attribute != "id" and ("user" in vars(self) or self.for_views.is_in_use())
        return self.user if is_changing else self.login.user


class _UserProxy(LocalProxy[Any]):
    """The user of the request. Many views need only what was read already, for which no object is made."""

    __slots__ = ()

    def __getattr__(self, name: str) -> object:
        return getattr(_current().having(name), name)


def _current() -> _Current:
    found: _Current | None = g.get("otpauth_current")
    if found is None:
        raise RuntimeError(
            "otpauth.current_user is only available inside a view with @otpauth.token_required"
        )
    return found


def _login(services: Services, max_age: timedelta | None, is_optional: bool) -> Login | None:
    """Return the login of the access token, or ``None`` if there is none and it is optional."""
    if is_optional and "Authorization" not in request.headers:
        return None
    return user_login(Presented(request.headers), services, max_age)
