"""Which route a message takes: by its channel, the country of its recipient, and its client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

#: In place of a calling code: all countries, and e-mail addresses.
ANYWHERE = "*"

#: The length of the longest calling codes, such as 856 (ITU-T E.164, section 6.2.1).
_LONGEST_CALLING_CODE = 3


class RouteKey(NamedTuple):
    """The messages that a route is for."""

    channel: str
    #: Digits without a plus sign, or :data:`ANYWHERE`.
    calling_code: str = ANYWHERE
    #: Empty: all clients.
    client_id: str = ""


def keys_of(channel: str, recipient: str, client_id: str) -> Iterator[RouteKey]:
    """
    Yield the keys of the routes that a message can take, the most specific first.

    A client counts for more than a country: its own contract with a provider is for all its messages. No
    calling code begins with another one, so at most one of the codes here has a route (ITU-T E.164).
    """
    for client in (client_id, "") if client_id else ("",):
        for calling_code in _calling_codes(recipient):
            yield RouteKey(channel, calling_code, client)


def _calling_codes(recipient: str) -> Iterator[str]:
    if recipient.startswith("+"):
        for length in range(_LONGEST_CALLING_CODE, 0, -1):
            yield recipient[1 : 1 + length]
    yield ANYWHERE
