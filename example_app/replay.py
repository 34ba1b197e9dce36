"""
Make the calls that a page shows, and compare the answers with those on the page.

A page has blocks. Two ``http`` blocks are a call: a request and its response. A ``console`` block is a
command and what it prints. A ``pycon`` block is an expression of the host and its value. All results must be
as on the page, except values that are different each time (``VARYING``). Such a value must look like the one
on the page: as long, with dashes in the same places (``…`` or ``...`` stands for anything). Where the page
uses it again, the real one is used.

HTML comments, which a reader does not see, say what happens between the blocks:

- ``<!-- document: Verify OTP -->``: the next call is an example of the published document, with this title.
  ``; timed: data.expiresAt`` at the end names values that depend on the time. They are only compared if the
  host waits as the page says;
- ``<!-- sent: 482913 to user@example.com -->``: the newest message has a code for this address, and the page
  shows it like this;
- ``<!-- wait: 90 -->``: this many seconds pass;
- ``<!-- fails -->``: the next message cannot be sent;
- ``<!-- repeat: 5 -->``: the next request is made this many times, and the page shows the last answer;
- ``<!-- app: {"voice_verify": true} -->``: from here on, the app also has these settings;
- ``<!-- user: user@example.com -->``: from here on, the app has this person of ``example_app/seeds.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

#: Values of these names are different each time.
VARYING = frozenset(
    {
        *("id", "secret", "userId", "user_id", "client_id", "campaign_id", "otp", "value"),
        *("accessToken", "refreshToken", "access_token", "account_token"),
    }
)

_LINES = r"(?:(?!```).*\n)*"
_STEP = re.compile(
    r"(?:^<!-- document: (?P<title>.*?)(?:; timed: (?P<timed>.*?))? -->\n)?"
    rf"^```http\n(?P<request>{_LINES})```\n```http\n(?P<response>HTTP/{_LINES})```$"
    r"|^<!-- (?P<verb>sent|wait|fails|repeat|app|user)(?:: (?P<word>.*?))? -->$"
    rf"|^```(?P<block>http|console|pycon)\n(?P<body>{_LINES})```$",
    re.MULTILINE,
)


# -- what a page shows ------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """
    A call, another block, or a comment of a page, and the line on which it begins.

    A call has a ``response``. An example of a document also has a ``title``, and in ``timed`` the places of
    its response that depend on the time.
    """

    line: int
    kind: str
    text: str
    response: str = ""
    title: str = ""
    timed: frozenset[str] = frozenset()


def steps(page: Path) -> Iterator[Step]:
    """
    Yield what happens on a page, in order.

    :raises ValueError: if a request has no response, or a response no request.
    """
    text = page.read_text("utf-8")
    for found in _STEP.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found["block"] == "http":
            raise ValueError(f"{page.name}, line {line}: the other half of the call is missing")
        if found["request"]:
            request, response = found["request"].strip("\n"), found["response"].strip("\n")
            timed = frozenset(re.findall("[^, ]+", found["timed"] or ""))
            yield Step(line, "call", request, response, found["title"] or "", timed)
        elif found["verb"]:
            yield Step(line, found["verb"], found["word"] or "")
        else:
            yield Step(line, found["block"], found["body"].strip("\n"))


def documented(page: Path) -> list[Step]:
    """Return the calls that are examples of the document, and the codes that they need."""
    found = list(steps(page))
    requests = "\n".join(step.text for step in found if step.title)
    return [
        step
        for step in found
        if step.title or (step.kind == "sent" and code_and_recipient(step)[0] in requests)
    ]


def code_and_recipient(sent: Step) -> tuple[str, str]:
    """Return the two parts of the comment about a code that is sent."""
    code, _, recipient = sent.text.partition(" to ")
    return code, recipient


@dataclass(frozen=True)
class Request:
    """A request as a page shows it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str

    @classmethod
    def parse(cls, text: str) -> Request:
        """Read a request line, headers, and a body if there is one."""
        first, headers, body = _parts(text)
        method, target, _ = first.split(" ")
        return cls(method, target, headers, body)


@dataclass(frozen=True)
class Answer:
    """An answer: ``200 OK``, the headers, and the value of the JSON. Another body is a text, or ``None``."""

    status: str
    headers: Mapping[str, str]
    body: Any

    @classmethod
    def parse(cls, text: str) -> Answer:
        """Read a status line, headers, and a body if there is one."""
        first, headers, body = _parts(text)
        return cls.of(first.removeprefix("HTTP/1.1 "), headers, body)

    @classmethod
    def of(cls, status: str, headers: Mapping[str, str], body: str) -> Answer:
        """Return the answer with this text as its body."""
        try:
            return cls(status, headers, json.loads(body))
        except ValueError:
            return cls(status, headers, body or None)


def _parts(text: str) -> tuple[str, dict[str, str], str]:
    """Return the first line, the headers and the body."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    return first, dict(line.split(": ", 1) for line in lines), body


# -- comparing --------------------------------------------------------------------------------

#: Tells whether the value at a place (``errors.0.message``) is the one that is shown there.
Alike = Callable[[str, Any, Any], bool]


def differences(shown: Answer, came: Answer, alike: Alike) -> Iterator[str]:
    """Yield how an answer differs from the one that is shown. It may have more headers."""
    if shown.status.lower() != came.status.lower():
        yield f"status: {shown.status} is documented, {came.status} came"
    for name, value in shown.headers.items():
        if not alike(name, value, came.headers.get(name)):
            yield f"{name}: {value!r} is documented, {came.headers.get(name)!r} came"
    expected, real = dict(leaves(shown.body)), dict(leaves(came.body))
    for place in expected | real:
        both = place in expected and place in real
        if not both or not alike(place, expected[place], real[place]):
            yield f"{place}: {expected.get(place)!r} is documented, {real.get(place)!r} came"


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value inside ``value`` with its place, and the keys of each object in their order."""
    if not isinstance(value, (Mapping, list)):
        yield place, value
        return
    inner = dict(value.items() if isinstance(value, Mapping) else enumerate(value))
    yield f"{place} ({type(value).__name__})", list(inner)
    for name, each in inner.items():
        yield from leaves(each, f"{place}.{name}".lstrip("."))


def varies(place: str) -> bool:
    """Return whether the value at a place varies. The items of a list have the name of the list."""
    names = [name for name in place.split(".") if not name.isdigit()]
    return bool(names) and names[-1] in VARYING


@dataclass(frozen=True)
class Values:
    """The values of a page that stand for others, and the real ones."""

    real: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """Return ``text`` with the real values in place of the page's."""
        return mentions(self.real).sub(lambda found: self.real[found[0]], text)

    def learn(self, shown: str, came: str) -> bool:
        """Let ``shown`` stand for ``came``. Return whether it can: it must not stand for another value."""
        return self.real.setdefault(shown, came) == came

    def alike(self, place: str, shown: Any, came: Any) -> bool:
        """Return whether two values agree. A value that varies stands for the real one from here on."""
        if varies(place) and shown is not None and type(shown) is type(came):
            return (isinstance(came, int) or looks_like(shown, came)) and self.learn(str(shown), str(came))
        return bool((self.filled(shown) if isinstance(shown, str) else shown) == came)


def mentions(values: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds these values in a text, as whole words."""
    shown = "|".join(re.escape(each) for each in sorted(values, key=len, reverse=True))
    return re.compile(rf"(?<!\w)({shown})(?!\w)" if shown else "(?!)")


def looks_like(shown: str, came: str) -> bool:
    """Return whether ``came`` is as long, with the same marks between. ``…`` stands for anything."""
    start, dots, end = shown.replace("...", "…").partition("…")
    if dots:
        return re.fullmatch(rf"[\w.-]{{{len(start)}}}.+[\w.-]{{{len(end)}}}", came) is not None
    kind = "[0-9]" if shown.isdigit() else "[0-9a-zA-Z]"
    pattern = re.sub("[0-9a-zA-Z]+", lambda run: f"{kind}{{{len(run[0])}}}", shown)
    return re.fullmatch(pattern, came) is not None


# -- replaying --------------------------------------------------------------------------------


class Host(Protocol):
    """The app that a page is replayed against."""

    @property
    def waits(self) -> bool:
        """Whether time passes as the page says."""

    def send(self, request: Request) -> Answer:
        """Make a request."""

    def newest_code(self, recipient: str) -> str:
        """Return the code in the newest message to an address."""

    def act(self, step: Step, values: Values) -> Iterator[str]:
        """Do what another step says. Yield how its result differs from the one that is shown."""


@dataclass(frozen=True)
class Result:
    """What came of a step. Without ``differences``, it is what the page shows."""

    step: Step
    differences: tuple[str, ...]


def replay(given: Iterable[Step], host: Host, values: Values) -> Iterator[Result]:
    """Do every step, and compare."""
    acts = {"call": _call, "sent": _sent}
    for step in given:
        found = acts[step.kind](step, host, values) if step.kind in acts else host.act(step, values)
        yield Result(step, tuple(found))


def _call(step: Step, host: Host, values: Values) -> Iterator[str]:
    def alike(place: str, shown: Any, came: Any) -> bool:
        is_timed = place in step.timed and not host.waits
        return (is_timed and type(shown) is type(came) and bool(came)) or values.alike(place, shown, came)

    came = host.send(Request.parse(values.filled(step.text)))
    return differences(Answer.parse(step.response), came, alike)


def _sent(step: Step, host: Host, values: Values) -> Iterator[str]:
    code, recipient = code_and_recipient(step)
    came = host.newest_code(recipient)
    if not (looks_like(code, came) and values.learn(code, came)):
        yield f"code for {recipient}: {code!r} is documented, {came!r} came"
