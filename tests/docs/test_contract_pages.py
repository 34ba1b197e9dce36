"""The pages of the wire contract: what cites them is right, and what they say is what the flows answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_otpauth.adapters.addresses import CanonicalAddresses
from flask_otpauth.core import errors
from flask_otpauth.core.errors import Fault, InvalidFields, Refusal
from flask_otpauth.core.policies import Quota
from flask_otpauth.envelopes import Envelope
from flask_otpauth.flows import FLOWS
from flask_otpauth.flows.email.envelope import EmailEnvelope
from flask_otpauth.flows.sms.messages import ENGLISH
from flask_otpauth.web.body import ParseContext, parse
from flask_otpauth.web.flow import Flow, Operation
from flask_otpauth.wiring.envelopes import own_envelope
from tests.docs.contract import (
    CONTRACT,
    Row,
    errors_below,
    errors_of,
    headings,
    part_of,
    section,
    sections_of,
)

ROOT = Path(__file__).parents[2]
CITING = sorted(
    path
    for part in ("flask_otpauth", "tests", "docs", "example_app", "bench")
    for path in (ROOT / part).rglob("*")
    if path.suffix in (".py", ".md") and "_build" not in path.parts
)
#: A page of the contract, and perhaps one of its headings; a comment may go on in the next line.
CITATION = re.compile(r'contract/(\w+)\.md(?:,[\s#:]+"([^"]+)")?')


def test_what_cites_the_contract_names_a_page_and_a_heading_that_are_there() -> None:
    cited = {
        (str(path.relative_to(ROOT)), page, heading)
        for path in CITING
        for page, heading in CITATION.findall(path.read_text("utf-8"))
    }

    missing = [
        citation
        for citation in sorted(cited)
        if not (CONTRACT / f"{citation[1]}.md").exists()
        or (citation[2] and citation[2] not in headings(citation[1]))
    ]

    assert missing == []
    assert {heading for _, _, heading in cited} >= {"Times", "Error codes", "PIN rules"}


# -- the paths ----------------------------------------------------------------------------------


SECTIONS = [(name, heading) for name, flow in FLOWS.items() for heading in sections_of(flow)]


@pytest.mark.parametrize("flow", FLOWS)
def test_each_path_has_a_section_and_each_section_a_path(flow: str) -> None:
    described = [heading for heading in headings(flow) if re.match("[A-Z]+ /", heading)]

    assert sorted(described) == sorted(sections_of(FLOWS[flow]))


@pytest.mark.parametrize(("flow", "heading"), SECTIONS)
def test_the_section_of_a_path_names_its_fields(flow: str, heading: str) -> None:
    fields = fields_of(sections_of(FLOWS[flow])[heading].body)

    assert [name for name in fields if f"`{name}`" not in section(flow, heading)] == []


def fields_of(body: Any, prefix: str = "") -> list[str]:
    """The fields of a body, and those of an object in it: ``contact.otp``."""
    found = []
    for name, field in body.model_fields.items():
        found.append(prefix + name)
        if hasattr(field.annotation, "model_fields"):
            found += fields_of(field.annotation, f"{prefix}{name}.")
    return found


@pytest.mark.parametrize("flow", FLOWS)
def test_the_numbers_of_the_defaults_are_those_of_the_settings(flow: str) -> None:
    settings = FLOWS[flow].settings()
    rows = re.findall(
        "^[|] .+ [|] (.+) [|] `OTPAUTH_[A-Z]+?_([A-Z_]+)`", section(flow, "Defaults"), re.MULTILINE
    )
    found = {
        key: (set(re.findall("[0-9]+", cell)), numbers(getattr(settings, key.lower()))) for cell, key in rows
    }

    wrong = {
        key: (shown, default)
        for key, (shown, default) in found.items()
        if not default <= shown or bool(default) != bool(shown)
    }

    assert wrong == {}
    assert {"CODE_LENGTH", "CODE_TTL", "COOLDOWN", "GUESS_BUDGET"} <= found.keys()


def numbers(default: object) -> set[str]:
    """The numbers of a default: a count, or seconds. Nothing, and what is no number, has none."""
    if isinstance(default, tuple):
        return set[str]().union(*(numbers(each) for each in default))
    if isinstance(default, Quota):
        return {str(default.count)}
    if isinstance(default, timedelta):
        return {str(int(default.total_seconds()))} - {"0"}
    return {str(default)} if type(default) is int else set()


# -- the errors ---------------------------------------------------------------------------------

#: Values that most fields do not take. Beside one of them all others are six digits.
BAD = (None, "", "x", "12", "1" * 7, "1" * 11, "+84987654321", 5, [], "\0")

#: Faults that the body alone does not show, by flow.
FOUND_LATER = {
    "sms": (
        *(
            Fault(name, kind)
            for name in ("lang", "device_id", "platform")
            for kind in ("required", "invalid")
        ),
        *(Fault(name, kind) for name in ("cc_phone", "phone") for kind in ("required", "invalid")),
        Fault("account_token", "required"),
        Fault("phone", "none"),
        Fault("user_id", "invalid"),
        Fault("grant_type", "unsupported_grant_type"),
        Fault("scope", "invalid_scope"),
        Fault("client_id", "client_authentication"),
    ),
    "voice": (Fault("contact.otp", "required"),),
    "account": (Fault("mobile_number", "invalid_mobile_number"),),
}

#: A refusal of each code that names no field, with the numbers that the pages show.
REFUSALS = (
    errors.InternalError(),
    errors.Unavailable(),
    errors.MalformedRequest(),
    errors.MethodNotAllowed("POST, OPTIONS"),
    errors.ContentTooLarge(),
    errors.UnsupportedMediaType(),
    errors.CredentialsMissing(),
    errors.CredentialsInvalid(),
    errors.FreshLoginRequired(300),
    errors.RefreshTokenInvalid(),
    errors.AccountTokenInvalid(),
    errors.CaptchaRequired({}),
    errors.ClientBlocked(),
    errors.ClientNotAllowed(),
    errors.UserMismatch(),
    errors.CampaignPaused(),
    errors.OrderNotFound(),
    errors.CampaignNotFound(),
    errors.TemplateNotFound(),
    errors.CooldownActive(68),
    errors.QuotaExceeded(600, 5),
    errors.DailyQuotaExceeded(3600, 3),
    errors.SubjectLocked(3600, 15),
    errors.TooManyRequests(60, 100),
    errors.CodeWrong(),
    errors.CodeUsed(),
    errors.CodeExpired(),
    errors.CodeExhausted(),
    errors.SendFailed(),
    *(errors.NoAddress(channel) for channel in ("email", "sms", "whatsapp")),
)
#: Refusals that name the field of a PIN, a password or a user.
OF_A_FIELD = (
    errors.UserNotFound,
    lambda field: errors.SecretWrong(field, left=2),
    errors.SecretBlocked,
    errors.SecretThrottled,
    errors.SecretNotSet,
    errors.SecretAlreadySet,
    *(
        lambda field, reason=reason: errors.SecretTooWeak(field, reason)
        for reason in ("too_short", "too_long", "common", "personal", "common_pin")
    ),
)


@pytest.mark.parametrize(("flow", "heading"), SECTIONS)
def test_the_errors_of_a_path_are_told_as_the_contract_has_them(flow: str, heading: str) -> None:
    operation = sections_of(FLOWS[flow])[heading]
    told = [answer(FLOWS[flow], operation, refusal) for refusal in refusals(FLOWS[flow], operation)]

    wrong = [row for row in errors_of(FLOWS[flow], heading) if not any(row.fits(*each) for each in told)]

    assert wrong == []


@pytest.mark.parametrize(("flow", "heading"), SECTIONS)
def test_the_contract_has_every_fault_that_the_body_of_a_path_can_have(flow: str, heading: str) -> None:
    operation = sections_of(FLOWS[flow])[heading]
    told = [answer(FLOWS[flow], operation, InvalidFields(fault)) for fault in faults(FLOWS[flow], operation)]

    assert [
        each for each in told if not any(row.fits(*each) for row in errors_of(FLOWS[flow], heading))
    ] == []


@pytest.mark.parametrize(
    ("column", "envelope"),
    [("examples", EmailEnvelope("examples", "semantic")), ("table", EmailEnvelope("table", "semantic"))],
)
def test_the_error_codes_of_email_are_those_of_both_modes(column: str, envelope: Envelope) -> None:
    flow = FLOWS["email"]
    told = [
        answer(flow, operation, refusal, envelope)
        for operation in flow.operations
        for refusal in refusals(flow, operation)
    ]
    for row in errors_below("email", "Error codes"):
        cells = {
            "error": row.error,
            "HTTP": row.cells["semantic HTTP"],
            "body": f"{row.cells['message']} `{row.cells[column]}`",
        }
        assert any(Row(cells).fits(*each) for each in told), row


def test_the_messages_of_sms_are_those_of_its_catalogs() -> None:
    pairs = re.findall("^[|] `([^`]+)` [|] `([^`]+)` [|]", section("sms", "Messages"), re.MULTILINE)

    wrong = [(own, english) for own, english in pairs if ENGLISH.get(template(own)) != template(english)]

    assert wrong == []
    assert len(pairs) > 15


def template(message: str) -> str:
    """A message of the page with the names of what varies in it."""
    return message.replace("68", "{seconds}").replace(" 3 ", " {daily} ").replace("…", "{label}")


def answer(
    flow: Flow[Any, Any], operation: Operation[Any, Any], refusal: Refusal, envelope: Envelope | None = None
) -> tuple[str, int, set[str]]:
    """The code of a refusal, and the HTTP status and the texts of the answer that it becomes."""
    settings = flow.settings()
    part = part_of(flow, operation)
    messages = part.messages.with_changes(operation.messages)
    spoken = envelope or own_envelope(part, settings)
    body, status, _ = spoken.failure(messages.failure_for(refusal, settings, {}))
    return refusal.code, status, texts(body)


def refusals(flow: Flow[Any, Any], operation: Operation[Any, Any]) -> Iterator[Refusal]:
    """What a path could refuse, whether it does or not."""
    yield from REFUSALS
    yield from (InvalidFields(fault) for fault in faults(flow, operation))
    yield from (make(field) for make in OF_A_FIELD for field in fields_of(operation.body))
    if "user" not in fields_of(operation.body):
        yield errors.UserNotFound()


def faults(flow: Flow[Any, Any], operation: Operation[Any, Any]) -> Iterator[Fault]:
    """The faults that the body, or the path, of a request can have."""
    names = fields_of(operation.body)
    context = ParseContext(flow.settings(), CanonicalAddresses())
    yield from (fault for fault in FOUND_LATER.get(flow.name, ()) if fault.field in names)
    for name in names:
        for value in BAD:
            if operation.method == "GET" and not isinstance(value, str):
                continue  # a path has texts alone
            try:
                parse(operation.body, body_with(name, value, names), context)
            except InvalidFields as invalid:
                yield from (fault for fault in invalid.faults if fault.field == name)
            except errors.MalformedRequest:
                continue


def body_with(name: str, value: object, names: list[str]) -> dict[str, Any]:
    """A body with this value in one field."""
    body: dict[str, Any] = {}
    for each in sorted(names):
        outer, _, inner = each.rpartition(".")
        given = value if each == name else {} if any(n.startswith(f"{each}.") for n in names) else "1" * 6
        target = body[outer] if outer else body
        if isinstance(target, dict):
            target[inner] = given
    return body


def texts(value: Any) -> set[str]:
    """The keys and the values of a body, each as a text."""
    if isinstance(value, Mapping):
        return set(value).union(*(texts(each) for each in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(texts(each) for each in value))
    return {str(value)}
