"""What a blueprint sends: JSON in an envelope, with headers that pages of other origins can read."""

from __future__ import annotations

import json
from wsgiref.types import WSGIEnvironment

from flask import Response
from werkzeug.datastructures import Headers

from flask_otpauth.web.envelope import Wire

#: Headers of a refusal that a client acts on. A browser hides them from a page of another origin
#: unless they are named (Fetch §3.3.3).
_TELLING = ("Retry-After", "WWW-Authenticate")
_EXPOSED = "Access-Control-Expose-Headers"


class Answer(Response):
    """
    An answer of a flow.

    Whether a page of another origin may read it is the host's decision
    (``Access-Control-Allow-Origin``). Where it may, the headers that tell it when to come again
    and what to show are exposed too. That is done when the answer is sent, so that it does not
    matter in which order the host sets up its CORS.
    """

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """The headers as they are sent."""
        headers = super().get_wsgi_headers(environ)
        if "Access-Control-Allow-Origin" in headers:
            exposed = [name.strip() for line in headers.getlist(_EXPOSED) for name in line.split(",")]
            known = {name.lower() for name in exposed}
            more = [name for name in _TELLING if name in headers and name.lower() not in known]
            if more:
                headers[_EXPOSED] = ", ".join(filter(None, [*exposed, *more]))
        return headers


def answered(wire: Wire) -> Answer:
    """What an envelope made, as HTTP. Nobody keeps it: it may hold a token."""
    payload, status, headers = wire
    answer = Answer(json.dumps(payload, ensure_ascii=False), status, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers.update(headers)
    return answer
