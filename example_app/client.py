"""
The part of the clients of the four server-to-server flows: they keep a key and call an API.

Here the API is in the same process, so a call needs no network. Elsewhere it is called by HTTPS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app

from example_app.extensions import db
from example_app.models import Key


@dataclass(frozen=True)
class Exchange:
    """One call and its answer, as the pages show them: without the credential."""

    method: str
    path: str
    body: Any
    status: int
    answer: Any


def call(flow: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Exchange:
    """Call the API of ``flow`` as its client."""
    return _exchange(method, path, body, _credential(db.session.get_one(Key, flow)))


def buy_token(flow: str, client_id: str, secret: str) -> str:
    """
    Return the token that the flow takes instead of the secret, or an empty text if it takes none.

    :raises LookupError: if the API gave no token, because there were too many requests.
    """
    if flow == "sms":
        offer = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        answer = _exchange("POST", "/oauth/token", offer, {}).answer
    elif flow == "voice":
        answer = _exchange("POST", "/api/v1/users/generate_access_token", {"secret_key": secret}, {}).answer[
            "data"
        ]
    else:
        return ""
    return str(answer["access_token"])


def _exchange(method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Exchange:
    response = current_app.test_client().open(path, method=method, json=body, headers=headers)
    return Exchange(method, path, body, response.status_code, response.get_json())


def _credential(key: Key) -> dict[str, str]:
    return {
        "sms": {"Authorization": f"Bearer {key.token}"},
        "flashcall": {"X-Application-Token": key.secret},
        "voice": {"Authorization": key.token},
        "account": {"Authorization": f"Token {key.secret}"},
    }[key.flow]
