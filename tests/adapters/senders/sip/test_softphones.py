"""Real softphones ring, and say which number they saw. The log of the tests shows it."""

from __future__ import annotations

import re
import shutil
import sys
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flask_otpauth.adapters.senders.sip.declaration import SipTrunk
from flask_otpauth.adapters.senders.sip.pcmu import encoded
from flask_otpauth.adapters.senders.sip.sender import SipSender
from flask_otpauth.adapters.senders.sip.speech import EspeakNg
from flask_otpauth.ports.senders import Message, Status
from flask_otpauth.testing import Outbox
from tests.adapters.senders.sip.softphones import Phone, baresip, sipp
from tests.flows.flashcall_caller import Application
from tests.flows.sms_caller import new_client
from tests.flows.voice_caller import VoiceCaller, new_campaign
from tests.hosts import MakeApp
from tests.services import need

PREFIX = "7487260"
NUMBER = "+79991234567"
QUICK = {"t1_seconds": 0.1, "ring_seconds": 0.1}
TEXT = "1, 2, 3, 4."

#: Rings, and is canceled. It asks for credentials first.
RINGS = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="rings">
  <recv request="INVITE" crlf="true"/>
  <send><![CDATA[
SIP/2.0 401 Unauthorized
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
WWW-Authenticate: Digest realm="sipp.test", nonce="47ebe028cda119c35d4877b383027d28da013815", {challenge}
Content-Length: 0

]]></send>
  <recv request="ACK"/>
  <recv request="INVITE">
    <action>
      <ereg regexp="sip:([0-9]+)@" search_in="hdr" header="From:" assign_to="all,number"/>
      <ereg regexp="sip:([0-9]+)@" search_in="hdr" header="P-Asserted-Identity:" assign_to="both,asserted"/>
      <log message="caller [$number], asserted [$asserted]"/>
      <verifyauth assign_to="is_right" username="shop" password="secret"/>
    </action>
  </recv>
  <nop hide="true" test="is_right" next="ringing"/>
  <send next="end"><![CDATA[
SIP/2.0 403 Forbidden
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <label id="ringing"/>
  <send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
  <recv request="CANCEL"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <send retrans="100"><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
CSeq: 2 INVITE
Content-Length: 0

]]></send>
  <recv request="ACK"/>
  <label id="end"/>
  <Reference variables="all,both"/>
</scenario>
"""


Tell = Callable[[str], None]


@pytest.fixture
def tell(capfd: pytest.CaptureFixture[str]) -> Tell:
    """Write a line into the log, also if the test passes, and in a worker of pytest-xdist."""

    def tell(line: str) -> None:
        with capfd.disabled():
            sys.stderr.write(f"{line}\n")

    return tell


def trunk_to(phone: Phone, **declared: object) -> SipTrunk:
    return SipTrunk.model_validate({"server": phone.server, **QUICK, **declared})


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_softphone_rings_with_the_number_that_a_client_of_the_flow_is_told(
    transport: str, tmp_path: Path, make_app: MakeApp, outbox: Outbox, tell: Tell
) -> None:
    with baresip(tmp_path, NUMBER) as phone:
        app = make_app(
            flows=("flashcall",),
            senders={
                "flashcall": {"profile": "sip", "server": phone.server, "transport": transport, **QUICK}
            },
        )
        answer = Application(app, outbox).order("79991234567", query="?fields=code.value")
        caller = phone.wait_for(r"Incoming call from: .*sip:(\d+)@")[1]
        phone.wait_for("session closed")

    order = answer.json["data"]
    documented = f"{order['cid']['prefix']}{order['code']['value']}"
    tell(f"baresip rang over {transport}, and showed {caller}. The client was told {documented}.")
    assert answer.status_code == 200
    assert caller == documented
    assert re.fullmatch(rf"{PREFIX}\d{{4}}", caller)


def test_the_code_that_a_softphone_shows_redeems_the_order(
    tmp_path: Path, make_app: MakeApp, outbox: Outbox, tell: Tell
) -> None:
    with baresip(tmp_path, NUMBER) as phone:
        senders = {"flashcall": SipSender(trunk_to(phone))}
        application = Application(make_app(flows=("flashcall",), senders=senders), outbox)
        answer = application.order("79991234567")
        caller = phone.wait_for(r"Incoming call from: .*sip:(\d+)@")[1]

    order = answer.json["data"]
    code = caller.removeprefix(order["cid"]["prefix"])
    redeemed = application.call("GET", f"/auth/{order['id']}/{code}")
    tell(f"baresip showed {caller}, and its last digits were accepted: {redeemed.json}")
    assert len(code) == order["code"]["len"]
    assert redeemed.status_code == 200


def test_the_command_for_tests_has_a_softphone_ring(tmp_path: Path, make_app: MakeApp) -> None:
    with baresip(tmp_path, NUMBER) as phone:
        trunk = {"profile": "sip", "server": phone.server, **QUICK}
        app = make_app(flows=("flashcall",), providers={"trunk": trunk}, senders={"flashcall": "trunk"})
        arguments = ["otpauth", "send-test", "flashcall", NUMBER, "--caller", f"{PREFIX}1234"]
        result = app.test_cli_runner().invoke(args=arguments)
        caller = phone.wait_for(r"Incoming call from: .*sip:(\d+)@")[1]

    assert result.exit_code == 0, result.output
    assert "it rang" in result.output
    assert caller == f"{PREFIX}1234"


def test_a_softphone_with_another_number_does_not_ring(tmp_path: Path) -> None:
    with baresip(tmp_path, NUMBER) as phone:
        sender = SipSender(trunk_to(phone, answer_seconds=10))
        unknown = sender.send(Message("flashcall", "+70000000000", "1", caller_number=f"{PREFIX}0001"))

    assert unknown.status is Status.INVALID_RECIPIENT
    assert unknown.detail == "SIP 404: no such number"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("challenge", ["algorithm=MD5", 'algorithm=MD5, qop="auth"'])
def test_another_softphone_checks_the_credentials_and_rings(
    transport: str, challenge: str, tmp_path: Path, tell: Tell
) -> None:
    declared = {"username": "shop", "password": "secret", "asserted_identity": True, "transport": transport}
    with sipp(tmp_path, RINGS.replace("{challenge}", challenge), transport) as phone:
        sender = SipSender(trunk_to(phone, **declared))
        receipt = sender.send(Message("flashcall", NUMBER, "4321", caller_number=f"{PREFIX}4321"))
        seen = phone.wait_for(r"caller (\d+), asserted (\d+)")
        status = phone.end()

    tell(f"sipp rang over {transport} after {challenge!r}, and showed {seen[1]}.")
    assert receipt.status is Status.ACCEPTED
    assert seen.groups() == (f"{PREFIX}4321", f"{PREFIX}4321")
    assert status == 0


def test_another_softphone_refuses_wrong_credentials(tmp_path: Path) -> None:
    with sipp(tmp_path, RINGS.replace("{challenge}", "algorithm=MD5")) as phone:
        sender = SipSender(trunk_to(phone, username="shop", password="wrong"))
        receipt = sender.send(Message("flashcall", NUMBER, "4321", caller_number=f"{PREFIX}4321"))

    assert receipt.status is Status.REJECTED
    assert receipt.detail == "SIP 403: refused"


def test_a_softphone_that_answers_hears_every_sample_of_the_speech(tmp_path: Path, tell: Tell) -> None:
    need("espeak-ng", shutil.which("espeak-ng") is not None)
    spoken = encoded(EspeakNg()(TEXT, "en"))
    with baresip(tmp_path, NUMBER, answers=True) as phone:
        receipt = SipSender(trunk_to(phone)).send(Message("voice", NUMBER, "1234", text=TEXT, locale="en"))
        phone.wait_for("Call established")
        phone.wait_for("terminated")

    (recording,) = tmp_path.glob("dump-*-dec.wav")
    with wave.open(str(recording)) as file:
        rate, heard = file.getframerate(), file.readframes(file.getnframes())
    tell(f"baresip recorded {len(heard) // 2} samples at {rate} Hz; {len(spoken)} of them are the speech.")
    assert receipt.status is Status.ACCEPTED
    assert rate == 8000
    assert spoken in encoded(heard)


def test_a_client_of_the_flow_voice_has_a_softphone_hear_its_code(
    tmp_path: Path, make_app: MakeApp, outbox: Outbox, tell: Tell
) -> None:
    spoken: list[str] = []

    def speak(text: str, locale: str) -> bytes:
        spoken.append(f"{locale}: {text}")
        return b"\x00\x10" * 800

    with baresip(tmp_path, "+84771122330", answers=True) as phone:
        trunk = {"profile": "sip", "server": phone.server, "speech": speak, **QUICK}
        app = make_app(flows=("voice",), providers={"trunk": trunk}, senders={"voice": "trunk"})
        client = new_client(app, "voice", scope="member")
        campaign = new_campaign(app, client.id, caller_id="842473001234", language="en")
        answer = VoiceCaller(app, outbox, client, campaign.id).call(otp="035790", phone="0771122330")
        caller = phone.wait_for(r"answering call on line \d from sip:(\d+)@")[1]

    (said,) = spoken
    tell(f"baresip was called from {caller}, and heard {said!r}.")
    assert answer.status_code == 200
    assert caller == "842473001234"
    assert said.startswith("en: Your code for host is: 0, 3, 5, 7, 9, 0. ")


def test_a_softphone_that_hangs_up_early_did_not_hear_the_code(tmp_path: Path) -> None:
    with baresip(tmp_path, NUMBER, answers=True) as phone:

        def speak(text: str, locale: str) -> bytes:
            return b"\x00\x10" * 8000 * 20  # twenty seconds, which nobody waits for

        sender = SipSender(trunk_to(phone, speech=speak))
        with ThreadPoolExecutor() as threads:
            sent = threads.submit(sender.send, Message("voice", NUMBER, "1234", text=TEXT, locale="en"))
            phone.wait_for("Call established")
            phone.type("b")
            receipt = sent.result()

    assert receipt.status is Status.TIMEOUT
    assert receipt.detail == "it was not spoken completely"
