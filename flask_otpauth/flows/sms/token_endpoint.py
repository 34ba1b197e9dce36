"""
The token endpoint of the flow ``sms`` (RFC 6749 §4.4), where clients get their API tokens.

It is a companion of the flow. It has the settings of the flow, and a format and words of its own.
"""

from __future__ import annotations

from typing import TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.engine.clients import Clients
from flask_otpauth.engine.services import Services
from flask_otpauth.flows.sms.oauth_envelope import OAuthEnvelope
from flask_otpauth.flows.sms.settings import SmsSettings
from flask_otpauth.web.body import Anything, Body
from flask_otpauth.web.credentials import basic_credentials
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call, Flow
from flask_otpauth.web.messages import Messages, Phrase

#: In English, because RFC 6749 §5.2 allows only ASCII here.
MESSAGES = Messages(
    wording={
        errors.NotAuthenticated: Phrase("the client is not authenticated"),
        errors.NotPermitted: Phrase("the client is not authenticated"),
        errors.TooManyRequests: Phrase("too many requests"),
        errors.MethodNotAllowed: Phrase("the method is not allowed"),
        errors.ContentTooLarge: Phrase("the request is too large"),
        errors.UnsupportedMediaType: Phrase("the content type is not supported"),
        errors.BadRequest: Phrase("the request is malformed"),
        errors.Refusal: Phrase("the service failed"),
    },
    faults={
        "required": Phrase("{field} is missing"),
        "client_authentication": Phrase("the client is authenticated in more than one way"),
        "*": Phrase("{field} is not supported"),
    },
)


def _build(services: Services, settings: SmsSettings) -> Clients:
    return services.clients


token_endpoint = Flow(
    name="sms",
    settings=SmsSettings,
    build=_build,
    messages=MESSAGES,
    envelopes={"oauth": OAuthEnvelope.from_settings},
    prefix_setting="token_path",
    reads_forms=True,
    scheme='Basic realm="otpauth"',
)

TokenCall: TypeAlias = Call[SmsSettings, Clients]


class ApiToken(Body):
    """A client's credentials (RFC 6749 §4.4.2), unless they are sent as HTTP Basic."""

    grant_type: Anything
    client_id: Anything = None
    client_secret: Anything = None
    scope: Anything = None


@token_endpoint.post("", ApiToken, rate_limit="token", name="token")
def api_token(call: TokenCall, body: ApiToken) -> Success:
    """Issue an API token for the client's id and secret (RFC 6749 §4.4)."""
    if body.grant_type != "client_credentials":
        raise errors.InvalidFields(errors.Fault("grant_type", "unsupported_grant_type"))
    if body.scope not in (None, "*"):
        raise errors.InvalidFields(errors.Fault("scope", "invalid_scope"))
    client_id, secret = _presented(call, body)
    clients, ttl = call.use_case, call.settings.token_ttl
    client, generation = clients.by_secret(secret, "sms", client_id)
    token = clients.sign_token(client, generation, "sms", ttl)
    seconds = int(ttl.total_seconds())
    return Success({"token_type": "Bearer", "expires_in": seconds, "access_token": token})


def _presented(call: TokenCall, body: ApiToken) -> tuple[str, str]:
    """Return the client's id and secret, from HTTP Basic or from the body (RFC 6749 §2.3)."""
    in_body, basic = (body.client_id, body.client_secret), basic_credentials(call.authorization)
    if basic is not None and in_body not in ((None, None), (basic[0], None)):
        raise errors.InvalidFields(errors.Fault("client_id", "client_authentication"))
    client_id, secret = basic or in_body
    if not isinstance(client_id, str) or not isinstance(secret, str):
        raise errors.CredentialsMissing
    return client_id, secret
