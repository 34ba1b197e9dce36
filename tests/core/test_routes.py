from __future__ import annotations

import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from flask_otpauth.core.routes import ANYWHERE, RouteKey, keys_of

LAO = "+8562055555555"
ROUTES = {
    RouteKey("sms"),
    RouteKey("sms", "856"),
    RouteKey("sms", "1"),
    RouteKey("sms", "856", "shop"),
    RouteKey("sms", ANYWHERE, "shop"),
    RouteKey("email"),
    RouteKey("email", ANYWHERE, "shop"),
}


def key_of(channel: str, recipient: str, client_id: str = "") -> RouteKey:
    return next(key for key in keys_of(channel, recipient, client_id) if key in ROUTES)


@pytest.mark.parametrize(
    ("recipient", "client_id", "key"),
    [
        (LAO, "shop", RouteKey("sms", "856", "shop")),
        (LAO, "other", RouteKey("sms", "856")),
        (LAO, "", RouteKey("sms", "856")),
        ("+12025550123", "shop", RouteKey("sms", ANYWHERE, "shop")),
        ("+12025550123", "", RouteKey("sms", "1")),
        ("+84987654321", "", RouteKey("sms")),
        ("+8512345678", "", RouteKey("sms")),
    ],
)
def test_the_most_specific_route_applies(recipient: str, client_id: str, key: RouteKey) -> None:
    assert key_of("sms", recipient, client_id) == key


def test_an_address_without_a_calling_code_has_the_routes_for_all_countries() -> None:
    assert key_of("email", "84@example.com") == RouteKey("email")
    assert key_of("email", "84@example.com", "shop") == RouteKey("email", ANYWHERE, "shop")


def test_the_order_is_from_the_most_to_the_least_specific() -> None:
    keys = list(keys_of("sms", "+84987", "shop"))

    codes = ["849", "84", "8", ANYWHERE]
    assert keys == [RouteKey("sms", code, client) for client in ("shop", "") for code in codes]


def test_no_calling_code_begins_with_another_one() -> None:
    codes = list(map(str, COUNTRY_CODE_TO_REGION_CODE))

    assert [(one, other) for one in codes for other in codes if one != other and one.startswith(other)] == []
    assert max(map(len, codes)) == 3
