"""Which remote addresses share one rate limit."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"

#: An address in brackets, or an IPv4 address, with the port that some proxies write behind it.
_WITH_PORT = re.compile(r"\[([^\[\]]*)\](?::\d*)?|([^:\[\]]*):\d*", re.ASCII)


def network(address: str | None) -> str:
    """
    The network that ``address`` counts as: the /64 of an IPv6 address, since a user has all of it.

    A port (``198.51.100.7:40000``, ``[2001:db8::1]:443``) is ignored, since each connection has
    another one. All texts that are no address count as one.
    """
    given = (address or "").strip()
    behind_port = _WITH_PORT.fullmatch(given)
    try:
        parsed = ip_address(behind_port[1] or behind_port[2] or "" if behind_port else given)
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, IPv6Address):
        # An IPv4 address reads ::ffff:192.0.2.1 where the server listens on both.
        return str(parsed.ipv4_mapped or ip_network(f"{parsed}/64", strict=False))
    return str(parsed)
