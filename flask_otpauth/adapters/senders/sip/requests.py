"""The requests of a call, each made from its INVITE, and the responses to those of the callee (RFC 3261)."""

from __future__ import annotations

import secrets
from dataclasses import field

from flask_otpauth.adapters.senders.sip.messages import Headers, Request, Response, parameter, uri_in
from flask_otpauth.core.record import frozen

#: Every branch begins with this (§8.1.1.7).
_MAGIC = "z9hG4bK"
_ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS"
_AUTHORIZATIONS = ("Authorization", "Proxy-Authorization")


@frozen
class Place:
    """Where responses and requests reach us."""

    #: ``UDP`` or ``TCP``.
    transport: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """Host and port. An IPv6 address is in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def via(self) -> tuple[str, str]:
        """Return the Via of a new transaction. ``rport`` asks for responses to our port (RFC 3581)."""
        branch = f"{_MAGIC}{secrets.token_hex(12)}"
        return "Via", f"SIP/2.0/{self.transport} {self.address};branch={branch};rport"

    @property
    def contact(self) -> tuple[str, str]:
        """Where the callee sends its requests."""
        return "Contact", f"<sip:otpauth@{self.address};transport={self.transport.lower()}>"


@frozen
class Parties:
    """Who calls whom."""

    #: The URI of the callee.
    callee: str = field(repr=False)
    #: The URI of the caller. It contains the number that the phone shows.
    caller: str = field(repr=False)
    #: Also assert the caller's number to the trunk (P-Asserted-Identity, RFC 3325 §9.1).
    is_asserted: bool = False


def invite(parties: Parties, place: Place, offer: bytes) -> Request:
    """Return the first INVITE of a call that offers audio (§13.2.1)."""
    asserted: Headers = (("P-Asserted-Identity", f"<{parties.caller}>"),) if parties.is_asserted else ()
    headers = (
        place.via(),
        ("Max-Forwards", "70"),
        ("From", f"<{parties.caller}>;tag={secrets.token_hex(8)}"),
        ("To", f"<{parties.callee}>"),
        ("Call-ID", secrets.token_hex(16)),
        ("CSeq", "1 INVITE"),
        place.contact,
        *asserted,
        ("Allow", _ALLOW),
        ("Content-Type", "application/sdp"),
    )
    return Request(headers, offer, "INVITE", parties.callee)


def authorized(request: Request, place: Place, authorization: tuple[str, str]) -> Request:
    """Return ``request`` once more, with credentials: a new transaction with the next number (§22.2)."""
    number, method = request.sequence
    changed = {"via": place.via()[1], "cseq": f"{number + 1} {method}"}
    kept = tuple((name, changed.get(name.lower(), value)) for name, value in request.headers)
    others = tuple(each for each in kept if each[0] != authorization[0])
    return Request((*others, authorization), request.body, method, request.uri)


def cancel(invite: Request) -> Request:
    """Return the CANCEL of an INVITE (§9.1)."""
    number, _ = invite.sequence
    return Request(
        (
            *_copied(invite, "Via", "Max-Forwards", "From", "To", "Call-ID"),
            ("CSeq", f"{number} CANCEL"),
        ),
        method="CANCEL",
        uri=invite.uri,
    )


def ack_of_refusal(invite: Request, response: Response) -> Request:
    """Return the ACK of a final response other than 2xx. It belongs to the transaction (§17.1.1.3)."""
    number, _ = invite.sequence
    return Request(
        (
            *_copied(invite, "Via", "Max-Forwards", "From"),
            ("To", response.header("To")),
            *_copied(invite, "Call-ID"),
            ("CSeq", f"{number} ACK"),
        ),
        method="ACK",
        uri=invite.uri,
    )


def ack_of_answer(invite: Request, answer: Response, place: Place) -> Request:
    """Return the ACK of a 2xx, with the credentials of the INVITE (§13.2.2.4)."""
    number, _ = invite.sequence
    return _within(invite, answer, place, (f"{number} ACK", "ACK", _copied(invite, *_AUTHORIZATIONS)))


def bye(invite: Request, answer: Response, place: Place) -> Request:
    """Return the BYE of an answered call (§15.1.1)."""
    number, _ = invite.sequence
    return _within(invite, answer, place, (f"{number + 1} BYE", "BYE", ()))


def reply(request: Request, status: int, reason: str) -> Response:
    """Return the response to a request of the callee (§8.2.6.2)."""
    kept = [("Via", via) for via in request.every("Via")]
    kept += [(name, request.header(name)) for name in ("From", "To", "Call-ID", "CSeq")]
    return Response((*kept, ("Allow", _ALLOW)), b"", status, reason)


def _within(invite: Request, answer: Response, place: Place, kind: tuple[str, str, Headers]) -> Request:
    """Return a request of the dialog that ``answer`` opened (§12.2.1.1)."""
    sequence, method, credentials = kind
    target = next((uri_in(contact) for contact in answer.every("Contact")), "") or invite.uri
    route = tuple(("Route", each) for each in reversed(answer.every("Record-Route")))
    headers = (
        place.via(),
        ("Max-Forwards", "70"),
        *route,
        *_copied(invite, "From"),
        ("To", answer.header("To")),
        *_copied(invite, "Call-ID"),
        ("CSeq", sequence),
        *credentials,
    )
    return Request(headers, method=method, uri=target)


def _copied(request: Request, *names: str) -> Headers:
    return tuple((name, request.header(name)) for name in names if request.header(name))


def dialog_of(response: Response) -> str:
    """Return the tag of the callee, which tells the phones apart that rang for one INVITE (§12)."""
    return parameter(response.header("To"), "tag")
