from __future__ import annotations

import pytest

from flask_otpauth.adapters.senders.sip import requests
from flask_otpauth.adapters.senders.sip.messages import parameter
from flask_otpauth.adapters.senders.sip.requests import Parties, Place
from tests.adapters.senders.sip.samples import PARTIES, PHONE_TAG, PLACE, an_invite, response_to

SAME_TRANSACTION = ("Via", "From", "Call-ID")


def test_an_invite_calls_from_the_chosen_number() -> None:
    sent = an_invite()

    assert sent.header("From").startswith("<sip:74872601234@trunk.test>;tag=")
    assert (sent.uri, sent.header("To")) == (PARTIES.callee, f"<{PARTIES.callee}>")
    assert sent.branch.startswith("z9hG4bK")
    assert "rport" in sent.header("Via")
    assert not sent.header("P-Asserted-Identity")


def test_the_number_is_asserted_where_that_is_declared() -> None:
    sent = an_invite(Parties(PARTIES.callee, PARTIES.caller, is_asserted=True))

    assert sent.header("P-Asserted-Identity") == "<sip:74872601234@trunk.test>"


def test_no_two_calls_have_a_name_in_common() -> None:
    one, other = an_invite(), an_invite()

    assert len({one.call_id, other.call_id, one.branch, other.branch}) == 4
    assert one.header("From") != other.header("From")


def test_an_address_of_ipv6_is_in_brackets() -> None:
    sent = an_invite(place=Place("TCP", "2001:db8::1", 5062))

    assert sent.header("Via").startswith("SIP/2.0/TCP [2001:db8::1]:5062;")
    assert sent.header("Contact") == "<sip:otpauth@[2001:db8::1]:5062;transport=tcp>"


def test_a_cancel_belongs_to_its_invite() -> None:
    sent = an_invite()

    cancel = requests.cancel(sent)

    assert (cancel.uri, cancel.header("To"), cancel.sequence) == (sent.uri, sent.header("To"), (1, "CANCEL"))
    assert [cancel.header(name) for name in SAME_TRANSACTION] == [sent.header(n) for n in SAME_TRANSACTION]


def test_the_ack_of_a_refusal_belongs_to_the_transaction_and_names_the_phone() -> None:
    sent = an_invite()

    ack = requests.ack_of_refusal(sent, response_to(sent, 487))

    assert (ack.uri, ack.sequence, parameter(ack.header("To"), "tag")) == (sent.uri, (1, "ACK"), PHONE_TAG)
    assert [ack.header(name) for name in SAME_TRANSACTION] == [sent.header(name) for name in SAME_TRANSACTION]


def test_a_request_within_an_answered_call_takes_the_way_of_the_answer() -> None:
    sent = an_invite()
    answer = response_to(sent, 200, ("Record-Route", "<sip:near.test;lr>, <sip:far.test;lr>"))

    ack, bye = (requests.ack_of_answer(sent, answer, PLACE), requests.bye(sent, answer, PLACE))

    assert (ack.sequence, bye.sequence) == ((1, "ACK"), (2, "BYE"))
    for each in (ack, bye):
        assert each.uri == "sip:phone@198.51.100.7:5070"
        assert each.every("Route") == ["<sip:far.test;lr>", "<sip:near.test;lr>"]
        assert each.branch not in ("", sent.branch)
        assert parameter(each.header("To"), "tag") == PHONE_TAG


def test_the_ack_of_an_answer_has_the_credentials_of_the_invite() -> None:
    again = requests.authorized(an_invite(), PLACE, ("Authorization", "Digest response=1"))

    ack = requests.ack_of_answer(again, response_to(again, 200), PLACE)

    assert ack.header("Authorization") == "Digest response=1"
    assert ack.sequence == (2, "ACK")


def test_a_request_with_credentials_is_a_new_transaction_of_the_same_call() -> None:
    sent = an_invite()

    once = requests.authorized(sent, PLACE, ("Proxy-Authorization", "Digest response=1"))
    again = requests.authorized(once, PLACE, ("Proxy-Authorization", "Digest response=2"))

    assert (once.sequence, again.sequence) == ((2, "INVITE"), (3, "INVITE"))
    assert len({sent.branch, once.branch, again.branch}) == 3
    assert (again.call_id, again.header("From")) == (sent.call_id, sent.header("From"))
    assert again.every("Proxy-Authorization") == ["Digest response=2"]


@pytest.mark.parametrize("contact", ["", "<>", "nonsense"])
def test_an_answer_without_a_usable_address_ends_nothing(contact: str) -> None:
    sent = an_invite()
    answer = response_to(sent, 200)
    headers = tuple(each for each in answer.headers if each[0] != "Contact")
    answer = type(answer)((*headers, ("Contact", contact)), b"", 200, "OK")

    assert requests.bye(sent, answer, PLACE).uri in (sent.uri, "nonsense")
