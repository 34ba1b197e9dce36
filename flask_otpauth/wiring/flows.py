"""Which flows an app has: the packaged ones, and those of the host."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flask_otpauth.flows import FLOWS
from flask_otpauth.settings import PREFIX, nearest
from flask_otpauth.web.flow import AnyFlow, Flow
from flask_otpauth.wiring.resolve import import_path


def find_flows(chosen: Iterable[object], problems: list[str]) -> tuple[dict[str, AnyFlow], tuple[str, ...]]:
    """
    Return every flow by name, and the names of those that ``OTPAUTH_FLOWS`` registers.

    Packaged flows that are not registered are included, because their settings are read and checked too.
    """
    flows, registered = dict(FLOWS), []
    for each in chosen:
        try:
            flow = _find_flow(each)
            if flows.setdefault(flow.name, flow) is not flow:
                raise ValueError(f"there is another flow of the name {flow.name!r}")
        except ValueError as error:
            problems.append(f"{PREFIX}FLOWS: {error}")
        else:
            registered.append(flow.name)
    return flows, tuple(dict.fromkeys(registered))


def _find_flow(given: object) -> AnyFlow:
    """
    Return the flow that ``given`` is or names.

    :raises ValueError: if it is not a flow and does not name one.
    """
    if isinstance(given, str) and ":" not in given:
        if given not in FLOWS:
            raise ValueError(
                f"unknown flow {given!r}: expected one of {', '.join(FLOWS)}, or 'package.module:attribute'"
                f"{nearest(given, FLOWS)}"
            )
        return FLOWS[given]
    found = import_path(given) if isinstance(given, str) else given
    if not isinstance(found, Flow):
        raise ValueError(f"{given!r} is not a flow: give a flask_otpauth.flows.Flow")
    if not re.fullmatch("[a-z][a-z0-9_]*", found.name):
        raise ValueError(f"a flow cannot be named {found.name!r}: use small letters, digits and _")
    return found
