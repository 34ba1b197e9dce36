"""Messages of a call, as a trunk sends them."""

from __future__ import annotations

from flask_otpauth.adapters.senders.sip.messages import Headers, Request, Response, parameter
from flask_otpauth.adapters.senders.sip.requests import Parties, Place, invite

PLACE = Place("UDP", "192.0.2.1", 5062)
PARTIES = Parties("sip:+79991234567@trunk.test", "sip:74872601234@trunk.test")
OFFER = b"v=0\r\n"
PHONE_TAG = "phone"


def an_invite(parties: Parties = PARTIES, place: Place = PLACE) -> Request:
    """The INVITE of a call."""
    return invite(parties, place, OFFER)


def response_to(
    request: Request, status: int, *more: tuple[str, str], body: bytes = b"", tag: str = PHONE_TAG
) -> Response:
    """What the trunk responds."""
    to = request.header("To")
    if status != 100 and not parameter(to, "tag"):
        to = f"{to};tag={tag}"
    copied: Headers = tuple((name, request.header(name)) for name in ("Via", "From", "Call-ID", "CSeq"))
    contact = ("Contact", "<sip:phone@198.51.100.7:5070>")
    return Response((*copied, ("To", to), contact, *more), body, status, "as it goes")


def request_of_phone(sent: Request, method: str, tag: str = PHONE_TAG) -> Request:
    """A request of the phone within the call that ``sent`` placed."""
    headers = (
        ("Via", "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKphone"),
        ("From", f"{sent.header('To')};tag={tag}"),
        ("To", sent.header("From")),
        ("Call-ID", sent.call_id),
        ("CSeq", f"1 {method}"),
    )
    return Request(headers, b"", method, "sip:otpauth@192.0.2.1:5062")
