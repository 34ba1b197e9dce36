"""A number written internationally is that number, in every flow and whatever region the flow reads in."""

from __future__ import annotations

import pytest

from flask_otpauth.testing import Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.voice_caller import VoiceCaller
from tests.hosts import MakeApp

REGIONS = ("VN", "RU", "US", "ID", "CN", "BR")
NUMBERS = ("+84987654321", "+79991234567", "+6281234567890", "+12025550123", "+5511912345678")


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("plus", ["+", "00"])
def test_it_is_called_written_to_and_found(
    number: str, plus: str, region: str, make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app(voice_region=region, account_region=region, phone_region=region)
    written = number.replace("+", plus)

    VoiceCaller(app, outbox).call("0123", written)
    with app.app_context():
        app.extensions["test_otpauth"].codes.send("sms", written, purpose="confirm")
    new_customer(app, phone=written)
    Merchant(app, written).request(type="whatsapp", template_code="code")

    assert [message.recipient for message in outbox.messages] == [number] * 3
