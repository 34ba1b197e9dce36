"""The network that the address of a client counts as in rate limits."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

#: The network of all texts that are no address.
UNKNOWN_NETWORK = "unknown"
#: An address in brackets, or an IPv4 address, with the port that some proxies write after it.
_WITH_PORT = re.compile(r"\[([^\[\]]*)\](?::\d*)?|([^:\[\]]*):\d*", re.ASCII)


@lru_cache(maxsize=1024)
def network(address: str | None) -> str:
    """
    Return the network that ``address`` counts as, because a user has the whole /64 of an IPv6 address.

    A port (``198.51.100.7:40000``, ``[2001:db8::1]:443``) is ignored, because each connection has
    another one. All texts that are no address count as one.
    """
    given = (address or "").strip()
    with_port = _WITH_PORT.fullmatch(given)
    try:
        parsed = ip_address(with_port[1] or with_port[2] or "" if with_port else given)
    except ValueError:
        return UNKNOWN_NETWORK
    if isinstance(parsed, IPv6Address):
        # A server that listens on both writes an IPv4 address as ::ffff:192.0.2.1.
        return str(parsed.ipv4_mapped or ip_network(f"{parsed}/64", strict=False))
    return str(parsed)
