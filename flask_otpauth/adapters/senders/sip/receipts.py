"""What became of a call, as a receipt."""

from __future__ import annotations

from flask_otpauth.adapters.senders.sip.call import Call
from flask_otpauth.ports.senders import Receipt, Status

_REFUSALS = {
    # Authentication, which was wrong or not configured.
    401: (Status.AUTH_ERROR, "authentication failed"),
    402: (Status.AUTH_ERROR, "payment required"),
    407: (Status.AUTH_ERROR, "authentication failed"),
    # The person who was called is the reason. Another trunk would reach the same phone.
    404: (Status.INVALID_RECIPIENT, "no such number"),
    410: (Status.INVALID_RECIPIENT, "no such number"),
    480: (Status.INVALID_RECIPIENT, "not reachable"),
    484: (Status.INVALID_RECIPIENT, "incomplete number"),
    485: (Status.INVALID_RECIPIENT, "ambiguous number"),
    486: (Status.INVALID_RECIPIENT, "busy"),
    600: (Status.INVALID_RECIPIENT, "busy"),
    603: (Status.INVALID_RECIPIENT, "declined"),
    604: (Status.INVALID_RECIPIENT, "no such number"),
    # The network on the way.
    408: (Status.UNAVAILABLE, "not reachable in time"),
    487: (Status.UNAVAILABLE, "did not ring in time"),
}


def of_flash_call(call: Call) -> Receipt:
    """
    Return the receipt of a call that only had to ring.

    A phone that rang has shown the number, whatever became of the call after that.
    """
    if call.has_rung:
        detail = "it was answered" if call.answer else "it rang"
        return Receipt(Status.ACCEPTED, call.id, detail=detail)
    return _without_ringing(call)


def of_spoken_call(call: Call, *, is_spoken: bool) -> Receipt:
    """
    Return the receipt of a call in which a code had to be spoken.

    If the phone rang, and the code was not spoken completely, the outcome counts as unknown: its quota stays
    used, because a person who does not answer must not be called again without a limit, and no other sender
    calls the same person at once.
    """
    if is_spoken:
        return Receipt(Status.ACCEPTED, call.id, detail="it was spoken completely")
    if call.answer:
        return Receipt(Status.TIMEOUT, call.id, detail="it was not spoken completely")
    if call.has_rung:
        return Receipt(Status.TIMEOUT, call.id, detail="it rang and was not answered")
    return _without_ringing(call)


def _without_ringing(call: Call) -> Receipt:
    if call.refusal is None:
        return Receipt(Status.TIMEOUT, call.id, detail="the trunk did not say how it ended")
    code = call.refusal.status
    default = Status.REJECTED if code < 500 or code >= 600 else Status.UNAVAILABLE
    status, words = _REFUSALS.get(code, (default, "refused"))
    return Receipt(status, call.id, detail=f"SIP {code}: {words}")
