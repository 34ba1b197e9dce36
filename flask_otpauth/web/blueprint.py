"""
The blueprint of a flow: reads a request, calls the handler, and writes the answer.

Each path is registered for all methods. Otherwise Flask would answer OPTIONS, HEAD and wrong methods
itself, and not in the flow's envelope. The order is that of the contract: method, rate limit,
credential, body, fields, handler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import cast
from wsgiref.types import WSGIEnvironment

from flask import Blueprint, Request, Response, request
from flask.blueprints import BlueprintSetupState
from pydantic_core import to_json
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response as HttpResponse

from flask_otpauth.core import errors
from flask_otpauth.core.clients import Client
from flask_otpauth.core.sensitive import Sensitive, SensitiveBytes
from flask_otpauth.core.service import service
from flask_otpauth.engine.idempotency import KeyedRequest
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.sessions import Login
from flask_otpauth.ports.rate_limits import RateLimits
from flask_otpauth.settings import FlowSettings
from flask_otpauth.web.body import Body, ParseContext, parse, read_body, read_object
from flask_otpauth.web.credentials import Presented, UserToken, user_challenge, user_login
from flask_otpauth.web.csrf import exempt_from_csrf
from flask_otpauth.web.envelope import Envelope, Success, Wire
from flask_otpauth.web.flow import AnyFlow, AnyOperation, Call
from flask_otpauth.web.idempotency import HEADER, once
from flask_otpauth.web.networks import network
from flask_otpauth.web.refusals import RAISED, decided_status, refusal_of

#: The name of the host in a rule.
HOST_IN_RULE = "otpauth_host"
#: Headers of a refusal that a client acts on. A browser hides them from a page of another origin
#: unless they are named (Fetch §3.3.3).
_ACTED_ON = ("Retry-After", "WWW-Authenticate")
_EXPOSED = "Access-Control-Expose-Headers"
#: Headers that Werkzeug rewrites when an answer is sent.
_LOCATIONS = frozenset({"location", "content-location"})
_JSON = "application/json"
#: The header of an idempotency key, as WSGI calls it.
_IDEMPOTENCY_KEY = f"HTTP_{HEADER.upper().replace('-', '_')}"
#: No cache may keep an answer, because it may hold a token.
_ALWAYS_SENT = (("Content-Type", _JSON), ("Cache-Control", "no-store"))


@service
class Mount:
    """One flow in one app, with what its ``build`` returned."""

    flow: AnyFlow
    settings: FlowSettings
    use_case: object
    services: Services
    envelope: Envelope
    rate_limits: RateLimits
    companions: tuple[Mount, ...] = ()

    def blueprint(self) -> Blueprint:
        """Return the blueprint, with the paths of the flow and of its companions."""
        blueprint = Blueprint(f"otpauth_{self.flow.name}", __name__)
        for mount in (self, *self.companions):
            for path, operations in mount.routes().items():
                blueprint.record(_Route.of(mount, path, operations).register)
        # This envelope also answers what hooks of the host raise on these paths. The handlers of a
        # blueprint come before those that the host has for such a status.
        raised: tuple[type[Exception], ...] = (Exception, *RAISED)
        for each in raised:
            blueprint.register_error_handler(each, self.answer_error)
        exempt_from_csrf(blueprint)
        return blueprint

    def routes(self) -> dict[str, dict[str, AnyOperation]]:
        """Return the operations of the paths that are served, by path and method."""
        routes: dict[str, dict[str, AnyOperation]] = {}
        for operation in self.flow.operations:
            if operation.enabled(self.settings, self.use_case):
                path = f"{self.flow.prefix(self.settings)}{operation.path}"
                routes.setdefault(path, {})[operation.method] = operation
        return routes

    def operations(self) -> Iterator[tuple[str, AnyOperation]]:
        """Yield the path of each operation that clients can call, and the operation. Include companions."""
        for mount in (self, *self.companions):
            for path, operations in mount.routes().items():
                for operation in operations.values():
                    if operation.allowed(mount.settings):
                        yield path, operation

    def answer_error(self, error: Exception) -> HttpResponse:
        """
        Return the answer to an error that a hook of the host raised on a path of the flow.

        The host decides the status with ``abort(403)``, and everything with ``abort(response)``.
        """
        if isinstance(error, HTTPException) and error.response is not None:
            return error.get_response()
        if self.rate_limits.is_down(error):
            error = errors.LimiterUnavailable("the store of the host's limits is down")
        return self.refuse(refusal_of(error), status=decided_status(error))

    def refuse(
        self,
        refusal: errors.Refusal,
        raw: Mapping[str, object] | None = None,
        operation: AnyOperation | None = None,
        status: int | None = None,
    ) -> Response:
        """
        Return ``refusal`` in the words of the operation, or else of the flow, and in the flow's envelope.

        ``raw`` is the request, as far as it was read. ``status`` is set if the host decided it.
        """
        messages = self.flow.messages.with_changes(operation.messages) if operation else self.flow.messages
        failure = replace(messages.failure_for(refusal, self.settings, raw or {}), status=status)
        response = _respond(self.envelope.failure(failure))
        if refusal.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(refusal.retry_after_seconds)
        if isinstance(refusal, errors.MethodNotAllowed):
            response.headers["Allow"] = refusal.allowed
        if response.status_code == 401:
            credential = self.flow.credential
            scheme = credential.scheme if credential else self.flow.scheme
            response.headers["WWW-Authenticate"] = scheme or user_challenge(refusal)
        return response


class RestOfPath(BaseConverter):
    """The rest of a path: any characters, also slashes and line breaks, or none (``<otpauth_rest:…>``)."""

    part_isolating = False
    regex = r"(?s:.*?)"

    def to_python(self, value: str) -> str:
        """Return the value without its trailing slash, with which every path is served too."""
        return Sensitive(value.removesuffix("/"))


@service
class _Route:
    """One path of a flow."""

    mount: Mount
    path: str
    endpoint: str
    #: The operations that are allowed, by method.
    operations: Mapping[str, AnyOperation]
    #: The value of ``Allow``.
    allow: str
    context: ParseContext[FlowSettings]

    @classmethod
    def of(cls, mount: Mount, path: str, operations: Mapping[str, AnyOperation]) -> _Route:
        """Return the route of a path that the flow of ``mount`` serves."""
        endpoint = next(iter(operations.values())).name
        allowed = {method: each for method, each in operations.items() if each.allowed(mount.settings)}
        for each in allowed.values():
            each.body.model_rebuild()
        return cls(
            mount=mount,
            path=path,
            endpoint=endpoint,
            operations=allowed,
            allow=", ".join([*allowed, "OPTIONS"]),
            context=ParseContext(mount.settings, mount.services.addresses),
        )

    def register(self, state: BlueprintSetupState) -> None:
        """
        Add the path for every method, with and without a trailing slash.

        If an app matches hosts, a rule without a host matches none, so this one is for all hosts.
        """
        url_map = state.app.url_map
        url_map.converters.setdefault("otpauth_rest", RestOfPath)
        endpoint = f"{state.name}.{self.endpoint}"
        rule = state.app.url_rule_class(
            self.path,
            endpoint=endpoint,
            methods=None,
            strict_slashes=False,
            merge_slashes=False,
            host=f"<{HOST_IN_RULE}>" if url_map.host_matching else None,
        )
        rule.provide_automatic_options = False  # type: ignore[attr-defined]  # Flask reads it
        url_map.add(rule)
        state.app.view_functions[endpoint] = self.answer

    def answer(self, **path: str) -> Response:
        """Return the answer to the request of the context, whatever happens."""
        path.pop(HOST_IN_RULE, None)
        request_of_context = cast("LocalProxy[Request]", request)._get_current_object
        return _Exchange(self, self.mount, request_of_context()).answer(path)


@service
class _Exchange:
    """
    A request to one path of a flow, and its answer.

    No variable holds the request: a crash report shows local variables, and a path may contain a code. An
    attribute of Flask's proxy for the request would be found only after four calls.
    """

    route: _Route
    mount: Mount
    request: Request

    def answer(self, path: Mapping[str, str]) -> Response:
        """Return the answer. ``path`` has the variables of the path."""
        raw: Mapping[str, object] = {}
        operation = self.route.operations.get(self.request.method)
        if operation is None and self.request.method == "OPTIONS":
            return Response(headers=[*_ALWAYS_SENT, ("Allow", self.route.allow)])
        try:
            if operation is None:
                raise errors.MethodNotAllowed(self.route.allow)
            call = self._call(operation, path)
            raw = path if operation.method == "GET" else self._body()
            body = parse(operation.body, raw, self.route.context)
            return _respond(self.mount.envelope.success(self._handle(operation, call, body)))
        except Exception as error:  # noqa: BLE001 - every error is answered in the flow's envelope
            return self.mount.refuse(refusal_of(error), raw, operation, decided_status(error))

    def _handle(self, operation: AnyOperation, call: Call[FlowSettings, object], body: Body) -> Success:
        if operation.rate_limit == "send" and _IDEMPOTENCY_KEY in self.request.environ:
            return self._handle_once(operation, call, body)
        if operation.rate_limit != "authentication":
            return operation.handler(call, body)
        with self._count_failures(operation.name):
            return operation.handler(call, body)

    def _handle_once(self, operation: AnyOperation, call: Call[FlowSettings, object], body: Body) -> Success:
        """Handle a request with an idempotency key."""
        keyed = KeyedRequest(
            key=(self._header(_IDEMPOTENCY_KEY) or "").strip(),
            path=self.request.path.rstrip("/"),
            client_id=call.authenticated.id if call.authenticated else "",
            query=self.request.query_string,
            body=SensitiveBytes(self.request.get_data()),
            is_secret=operation.shows_code(self.mount.settings),
        )
        return once(
            partial(operation.handler, call, body),
            partial(self.mount.services.idempotency.once, keyed),
            operation.repeats(body),
        )

    def _call(self, operation: AnyOperation, path: Mapping[str, str]) -> Call[FlowSettings, object]:
        return Call(
            self.mount.settings,
            self.mount.use_case,
            authenticated=self._client(operation),
            login=self._login(operation.login) if operation.login else None,
            path=path,
            # Almost no request has a query, and reading an empty one is not free.
            query=self.request.args if self.request.query_string else {},
            authorization=Sensitive(self._header("HTTP_AUTHORIZATION") or ""),
        )

    def _login(self, demanded: UserToken) -> Login | None:
        """Return the login of the access token, or ``None`` if the body has the field that replaces it."""
        try:
            return user_login(Presented(self.request.headers), self.mount.services)
        except errors.NotAuthenticated:
            if not self._holds(demanded.or_field):
                raise
            return None

    def _holds(self, field: str) -> bool:
        """Return whether the body has ``field``."""
        try:
            value = self._body().get(field)
        except errors.Refusal:  # A body that cannot be read has no fields.
            return False
        return value is not None and str(value).strip() != ""

    def _body(self) -> dict[str, object]:
        data = read_body(self.request)
        if self.mount.flow.reads_forms and self.request.mimetype == "application/x-www-form-urlencoded":
            return _form(self.request.form)
        if data and self._media_type() != _JSON:
            raise errors.UnsupportedMediaType
        return read_object(data)

    def _client(self, operation: AnyOperation) -> Client | None:
        """Return the client. The rate limit counts addresses, or clients if they are servers."""
        flow, rate_limits, services = self.mount.flow, self.mount.rate_limits, self.mount.services
        name, credential = f"{flow.name}.{operation.name}", operation.credential
        if operation.rate_limit == "authentication":
            return None
        if credential is None or flow.on_devices:
            rate_limits.admit((name, operation.rate_limit), network(self.request.remote_addr))
            return credential.client(Presented(self.request.headers), services) if credential else None
        with self._count_failures("authentication"):
            client = credential.client(Presented(self.request.headers), services)
        rate_limits.admit((name, flow.name, "client"), client.id)
        return client

    @contextmanager
    def _count_failures(self, name: str) -> Iterator[None]:
        """Count failed credentials. An address with too many of them is refused."""
        names = (f"{self.mount.flow.name}.{name}", "authentication")
        address = network(self.request.remote_addr)
        self.mount.rate_limits.check(names, address)
        try:
            yield
        except (errors.NotAuthenticated, errors.NotPermitted):
            self.mount.rate_limits.admit(names, address)
            raise

    def _header(self, name: str) -> str | None:
        """
        Return a header by its name in WSGI, or ``None``.

        Werkzeug raises and catches an exception if a header is missing.
        """
        value: str | None = self.request.environ.get(name)
        return value

    def _media_type(self) -> str:
        """Return the media type of the request. To parse it takes long, and is almost never necessary."""
        return _JSON if self._header("CONTENT_TYPE") == _JSON else self.request.mimetype


def _form(form: MultiDict[str, str]) -> dict[str, object]:
    """
    Return a form as an object.

    :raises MalformedRequest: if a parameter is given twice (RFC 6749 §3.2).
    """
    if any(len(values) > 1 for values in form.listvalues()):
        raise errors.MalformedRequest
    return {name: Sensitive(value) for name, value in form.items()}


class Answer(Response):
    """
    An answer of a flow.

    Whether a page of another origin may read it is the host's decision
    (``Access-Control-Allow-Origin``). If it may, the headers that say when to try again and which
    credential to show are exposed too. This happens when the answer is sent, so the order in which the
    host sets up its CORS does not matter.
    """

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """Return the headers as they are sent."""
        is_from_page = "HTTP_ORIGIN" in environ
        if not is_from_page and self._is_complete():
            return self.headers
        headers = super().get_wsgi_headers(environ)
        # Only an answer to a browser's request from another page has the header of the host.
        if is_from_page and "Access-Control-Allow-Origin" in headers:
            exposed = [name.strip() for line in headers.getlist(_EXPOSED) for name in line.split(",")]
            known = {name.lower() for name in exposed}
            more = [name for name in _ACTED_ON if name in headers and name.lower() not in known]
            if more:
                headers[_EXPOSED] = ", ".join(filter(None, [*exposed, *more]))
        return headers

    def _is_complete(self) -> bool:
        """
        Return whether Werkzeug would change no header, whatever the hooks of the host have done.

        It copies and checks each header once more before it looks, which is a fortieth of a login.
        """
        names = {name.lower() for name, _ in self.headers}
        return self.status_code == 200 and "content-length" in names and names.isdisjoint(_LOCATIONS)


def _respond(wire: Wire) -> Answer:
    """Return what an envelope made, as HTTP."""
    payload, status, further = wire
    headers = Headers()
    for name, value in _ALWAYS_SENT:
        headers.add(name, value)
    if further:
        headers.update(further)
    return Answer(to_json(payload), status, headers)
