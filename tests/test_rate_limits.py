"""Rate limits: approximate, for each address or client (contract/index.md)."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.adapters.rate_limits import OwnCounters, SweptMemory
from flask_otpauth.testing import Outbox
from flask_otpauth.web.networks import UNKNOWN_NETWORK, network
from tests.flows.email_caller import ADDRESS, PREFIX, EmailCaller, bearer, outcome
from tests.hosts import SECRET_KEY
from tests.services import REDIS_ADDRESS, REDIS_URL, listens, need

TOO_MANY = (-206, "Too many OTP requests")
STRATEGIES = ("fixed-window", "moving-window", "sliding-window-counter")
FLOWS = ("email", "sms", "flashcall", "voice", "account")


def host(
    outbox: Outbox, name: str = "host", limiters: int = 0, limiter: Limiter | None = None, **settings: Any
) -> Flask:
    """
    An app with rate limits; ``limiters``: how many of its own it has, ``limiter``: the
    one that is given to the extension.
    """
    app = Flask(name)
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_FLOWS=FLOWS,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_DATABASE_URI="sqlite://",
        OTPAUTH_EMAIL_SEND_QUOTAS=(),
        RATELIMIT_STORAGE_URI="memory://",
    )
    app.config.update({key if key.isupper() else f"OTPAUTH_{key.upper()}": settings[key] for key in settings})
    for _ in range(limiters):
        Limiter(get_remote_address, app=app)
    app.extensions["test_otpauth"] = OtpAuth(app, limiter=limiter)
    return app


def at(app: Flask, address: str, path: str = "/request-otp", **options: Any) -> TestResponse:
    """Request a code from ``address``."""
    body = options.pop("json", {"email": ADDRESS})
    return app.test_client().post(PREFIX + path, json=body, environ_base={"REMOTE_ADDR": address}, **options)


def statuses(app: Flask, addresses: list[str], path: str = "/request-otp") -> list[int]:
    """Send a request from each address in turn. Return the statuses."""
    return [at(app, address, path).status_code for address in addresses]


# -- the defaults ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "limit", "period"),
    [
        ("/request-otp", 100, 3600),
        ("/verify-otp", 300, 3600),
        ("/refresh-token", 300, 3600),
        ("/logout", 300, 3600),
    ],
)
def test_the_defaults_per_address(path: str, limit: int, period: int, outbox: Outbox) -> None:
    app = host(outbox)

    answers = [at(app, "192.0.2.1", path, json={}) for _ in range(limit + 1)]

    assert {answer.status_code for answer in answers[:-1]} == {401 if path == "/logout" else 200}
    assert answers[-1].status_code == 429
    assert outcome(answers[-1]) == TOO_MANY
    assert 0 < int(answers[-1].headers["Retry-After"]) <= period
    assert at(app, "192.0.2.2", path, json={}).status_code != 429


def test_paths_do_not_share_a_count(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"send": "1 per hour", "redeem": "1 per hour"})
    one = "192.0.2.1"

    assert statuses(app, [one], "/request-otp") == [200]
    assert statuses(app, [one], "/verify-otp") == [200]
    assert statuses(app, [one], "/refresh-token") == [200]
    assert statuses(app, [one], "/request-otp") == [429]


def test_a_path_has_a_limit_of_its_own_where_one_is_set(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"send": "100 per hour", "email.request-otp": "2 per hour"})

    assert statuses(app, ["192.0.2.1"] * 3) == [200, 200, 429]


def test_several_limits_for_one_path(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"email.request-otp": "2 per minute; 100 per hour"})

    assert statuses(app, ["192.0.2.1"] * 3) == [200, 200, 429]


@pytest.mark.parametrize("ip_limits", [None, {"send": None}, {"email.request-otp": None}])
def test_none_is_none(ip_limits: dict[str, None] | None, outbox: Outbox) -> None:
    app = host(outbox, ip_limits=ip_limits)

    assert set(statuses(app, ["192.0.2.1"] * 120)) == {200}


@pytest.mark.parametrize(
    ("ip_limits", "words"),
    [
        ({"email.request-otp": "often"}, "OTPAUTH_IP_LIMITS"),
        ({"email.request_otp": "1 per hour"}, "OTPAUTH_IP_LIMITS: 'email.request_otp'.*email.request-otp"),
        ({"sends": "1 per hour"}, "OTPAUTH_IP_LIMITS: 'sends'"),
    ],
)
def test_a_limit_that_means_nothing_is_told_at_start_up(
    ip_limits: dict[str, str], words: str, outbox: Outbox
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        host(outbox, ip_limits=ip_limits)


def test_a_refused_request_has_no_effect(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"send": "1 per hour"})
    statuses(app, ["192.0.2.1"] * 5)

    assert len(outbox.messages) == 1


def test_neither_a_wrong_method_nor_options_is_counted(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"send": "1 per hour"})
    client = app.test_client()
    for method in ("GET", "HEAD", "OPTIONS", "PUT") * 3:
        client.open(f"{PREFIX}/request-otp", method=method)

    assert client.post(f"{PREFIX}/request-otp", json={}).status_code == 200


def test_a_refusal_in_front_is_429_in_every_mode(outbox: Outbox) -> None:
    for http_status in ("always_200", "semantic"):
        app = host(outbox, ip_limits={"send": "1 per hour"}, email_http_status=http_status)

        assert statuses(app, ["192.0.2.1"] * 2) == [200, 429]


# -- who is one address ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "another", "are_one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:0DB8:0:0:abcd::9", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1:40000", "192.0.2.1:40001", True),
        ("192.0.2.1:40000", "192.0.2.2:40000", False),
        ("[2001:db8::1]:443", "2001:db8::1", True),
        ("garbage 1", "garbage 2", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unix:", "unix:", True),
        ("", "", True),
    ],
)
def test_an_ipv6_user_is_a_whole_64(one: str, another: str, are_one: bool, outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"send": "1 per hour"})

    assert statuses(app, [one, another]) == [200, 429 if are_one else 200]


def test_a_forwarded_header_is_not_believed(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"send": "1 per hour"})
    answers = [at(app, "192.0.2.1", headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]


@pytest.mark.parametrize(
    ("written", "counts_as"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:40000", "198.51.100.7"),
        (" 198.51.100.7:1 ", "198.51.100.7"),
        ("[198.51.100.7]:80", "198.51.100.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[::ffff:198.51.100.7]:443", "198.51.100.7"),
        ("[fe80::1%eth0]:443", network("fe80::2%eth0")),
    ],
)
def test_a_port_is_no_part_of_an_address(written: str, counts_as: str) -> None:
    assert network(written) == counts_as


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "unknown",
        "_hidden",
        "198.51.100.7:x",
        "198.51.100.7:1:2",
        "198.51.100.300:1",
        "[]",
        "[:1",
        "a:1",
    ],
)
def test_what_is_no_address_counts_as_one(written: str | None) -> None:
    assert network(written) == UNKNOWN_NETWORK


@given(st.text())
def test_whatever_a_proxy_writes_has_an_answer(written: str) -> None:
    assert network(written)


# -- server to server ------------------------------------------------------------------------


def credentials(app: Flask) -> list[dict[str, str]]:
    """Return the headers of two clients of ``flashcall``."""
    with app.app_context():
        clients = app.extensions["test_otpauth"].clients
        return [{"X-Application-Token": clients.create(name, flows=("flashcall",)).secret} for name in "ab"]


def order(app: Flask, headers: dict[str, str], address: str = "192.0.2.1") -> int:
    """Send an empty order. Return the status."""
    client = app.test_client()
    return client.post(
        "/v1/orders", json={}, headers=headers, environ_base={"REMOTE_ADDR": address}
    ).status_code


def test_a_server_to_server_flow_counts_per_client_wherever_it_calls_from(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"client": "2 per minute"})
    first, second = credentials(app)

    from_everywhere = [order(app, first, f"192.0.2.{n}") for n in range(3)]
    another_client = order(app, second, "192.0.2.0")

    assert from_everywhere == [400, 400, 429]
    assert another_client == 400


def test_the_default_is_six_hundred_a_minute_for_a_client(outbox: Outbox) -> None:
    app = host(outbox)
    headers, _ = credentials(app)

    told_of = [order(app, headers) for _ in range(601)]

    assert set(told_of[:-1]) == {400}
    assert told_of[-1] == 429


def test_failures_before_authentication_are_counted_per_address(outbox: Outbox) -> None:
    app = host(outbox)
    good, _ = credentials(app)
    bad = {"X-Application-Token": "wrong"}

    failures = [order(app, bad) for _ in range(31)]

    assert failures == [403] * 30 + [429]
    assert order(app, good) == 429  # All clients at this address are refused for some time.
    assert order(app, good, "192.0.2.2") == 400


def test_a_client_of_a_server_to_server_flow_has_a_count_for_each_path(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"client": "2 per minute", "flashcall.orders": "1 per minute"})
    headers, _ = credentials(app)

    orders = [order(app, headers) for _ in range(2)]
    guesses = [app.test_client().get("/v1/auth/x/0345", headers=headers).status_code for _ in range(3)]

    assert (orders, guesses) == ([400, 429], [400, 400, 429])


def test_a_blocked_client_is_a_failure(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"authentication": "2 per minute"})
    with app.app_context():
        clients = app.extensions["test_otpauth"].clients
        client = clients.create("a", flows=("flashcall",))
        clients.block(client.id)
    headers = {"X-Application-Token": client.secret}

    assert [order(app, headers) for _ in range(3)] == [403, 403, 429]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/users/generate_access_token", {"secret_key": "wrong"}),
        ("/api/auth/get-access-token", {"token": "wrong"}),
    ],
)
def test_wrong_secrets_that_would_be_exchanged_for_a_token_are_failures(
    path: str, body: dict[str, str], outbox: Outbox
) -> None:
    app = host(outbox, ip_limits={"authentication": "2 per minute"})

    failures = [app.test_client().post(path, json=body).status_code for _ in range(3)]

    assert failures == [401, 401, 429]


def test_an_app_on_devices_that_shows_no_credential_uses_up_the_limit_of_its_address(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"send": "2 per hour"})

    refused = [app.test_client().post("/api/auth/resend-otp", json={}).status_code for _ in range(3)]

    assert refused == [401, 401, 429]


def test_successes_are_no_failures(outbox: Outbox) -> None:
    app = host(outbox)
    good, _ = credentials(app)

    assert {order(app, good) for _ in range(100)} == {400}


def test_failures_of_one_flow_do_not_close_another(outbox: Outbox) -> None:
    app = host(outbox)
    for _ in range(31):
        order(app, {"X-Application-Token": "wrong"})

    answer = app.test_client().post(
        "/api/pin/validate",
        json={},
        headers={"Authorization": "Token x"},
        environ_base={"REMOTE_ADDR": "192.0.2.1"},
    )

    assert answer.status_code == 401


def test_a_token_path_is_limited_to_ten_a_minute_and_address(outbox: Outbox) -> None:
    app = host(outbox)
    answers = [
        app.test_client().post(
            "/oauth/token", json={"grant_type": "x"}, environ_base={"REMOTE_ADDR": "192.0.2.1"}
        )
        for _ in range(11)
    ]

    assert 429 not in {answer.status_code for answer in answers[:-1]}
    assert answers[-1].status_code == 429


# -- whose Limiter ---------------------------------------------------------------------------


def test_the_hosts_only_limiter_counts_and_its_defaults_stay_untouched(outbox: Outbox) -> None:
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_DATABASE_URI="sqlite://",
        RATELIMIT_STORAGE_URI="memory://",
    )
    limiter = Limiter(get_remote_address, app=app, default_limits=["3 per minute"])
    OtpAuth(app)
    app.add_url_rule("/own", "own", lambda: "ok")
    client = app.test_client()

    own = [client.get("/own").status_code for _ in range(4)]

    assert app.extensions["limiter"] == {limiter}
    assert app.extensions["otpauth"].rate_limits._limiter is limiter  # noqa: SLF001 - nothing else shows which one it is
    assert own == [200, 200, 200, 429]


def test_the_hosts_default_limit_on_our_paths_is_told_in_our_envelope(outbox: Outbox) -> None:
    app = host(outbox, limiters=1, RATELIMIT_DEFAULT="2 per minute", ip_limits=None)

    @app.errorhandler(429)
    def page(error: Exception) -> tuple[str, int]:
        return "<h1>the host's own page</h1>", 429

    answers = [at(app, "192.0.2.1") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert outcome(answers[-1]) == TOO_MANY
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_our_own_limiter_takes_no_part_in_the_hosts_defaults(outbox: Outbox) -> None:
    app = host(
        outbox, RATELIMIT_DEFAULT="2 per minute"
    )  # OtpAuth is initialized before the Limiter of the host.
    Limiter(get_remote_address, app=app)
    app.add_url_rule("/own", "own", lambda: "ok")
    client = app.test_client()

    assert [client.get("/own").status_code for _ in range(3)] == [200, 200, 429]


def test_where_the_host_has_no_limiter_its_defaults_limit_nothing(outbox: Outbox) -> None:
    app = host(outbox, RATELIMIT_DEFAULT="1 per minute", RATELIMIT_APPLICATION="1 per minute")
    app.add_url_rule("/own", "own", lambda: "ok")
    client = app.test_client()

    assert [client.get("/own").status_code for _ in range(3)] == [200, 200, 200]


def test_where_the_host_has_no_limiter_its_requests_pass_no_hook_of_one(outbox: Outbox) -> None:
    app = host(outbox)

    assert "limiter" not in app.extensions
    assert None not in app.before_request_funcs


def test_counting_in_memory_starts_at_most_one_thread_a_second_and_delays_no_exit() -> None:
    storage = OwnCounters.from_config({}).limiter.storage
    storage.incr("someone", 60)
    assert isinstance(storage, SweptMemory)
    timer = storage.timer

    assert timer.interval >= 1
    assert timer.daemon


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("RATELIMIT_STRATEGY", "guess", "RATELIMIT_STRATEGY: expected one of .*moving-window"),
        ("RATELIMIT_STORAGE_URI", "nowhere://", "RATELIMIT_STORAGE_URI: unknown storage scheme"),
    ],
)
def test_counters_that_do_not_exist_are_told_at_start_up(
    setting: str, value: str, problem: str, outbox: Outbox
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        host(outbox, **{setting: value})


def test_several_limiters_are_an_error_that_says_what_to_do(outbox: Outbox) -> None:
    with pytest.raises(ConfigurationError, match="several Limiters: choose one with OtpAuth"):
        host(outbox, limiters=2)


def test_of_several_limiters_the_one_that_is_given_counts(outbox: Outbox) -> None:
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_DATABASE_URI="sqlite://",
        OTPAUTH_IP_LIMITS={"send": "1 per hour"},
        RATELIMIT_STORAGE_URI="memory://",
    )
    chosen, other = (Limiter(get_remote_address, app=app) for _ in range(2))
    OtpAuth(app, limiter=chosen)
    before = statuses(app, ["192.0.2.1"] * 2)
    other.reset()
    still = statuses(app, ["192.0.2.1"])
    chosen.reset()

    assert before == [200, 429]
    assert still == [429]
    assert statuses(app, ["192.0.2.1"]) == [200]


def test_a_limiter_that_is_given_need_not_be_initialized_yet(outbox: Outbox) -> None:
    limiter = Limiter(get_remote_address, storage_uri="memory://")

    app = host(outbox, limiter=limiter, ip_limits={"send": "1 per hour"})

    assert statuses(app, ["192.0.2.1"] * 2) == [200, 429]


def test_a_host_that_switches_limits_off_has_none(outbox: Outbox) -> None:
    app = host(outbox, RATELIMIT_ENABLED=False, ip_limits={"send": "1 per hour"})

    assert statuses(app, ["192.0.2.1"] * 3) == [200, 200, 200]


def test_two_apps_do_not_mix(outbox: Outbox) -> None:
    first = host(outbox, "first", ip_limits={"send": "1 per hour"})
    second = host(outbox, "second", ip_limits={"send": "2 per hour"})

    assert statuses(first, ["192.0.2.1"] * 2) == [200, 429]
    assert statuses(second, ["192.0.2.1"] * 3) == [200, 200, 429]


def test_two_apps_that_share_a_limiters_store_do_not_mix(outbox: Outbox) -> None:
    limiter = Limiter(get_remote_address, storage_uri="memory://")
    apps = [
        host(outbox, name, limiter=limiter, ip_limits={"send": "1 per hour"}) for name in ("first", "second")
    ]

    assert [statuses(app, ["192.0.2.1"] * 2) for app in apps] == [[200, 429], [200, 429]]


def test_two_flows_do_not_mix(outbox: Outbox) -> None:
    app = host(outbox, ip_limits={"redeem": "1 per hour"}, sms_required_fields=())
    with app.app_context():
        made = app.extensions["test_otpauth"].clients.create("app", flows=("sms",))
    client = app.test_client()
    asked = {
        "grant_type": "client_credentials",
        "client_id": made.id,
        "client_secret": made.secret,
        "scope": "*",
    }
    token = client.post("/oauth/token", json=asked).json["access_token"]

    email = [client.post(f"{PREFIX}/verify-otp", json={}).status_code for _ in range(2)]
    sms = [client.post("/api/auth/verify-otp", json={}, headers=bearer(token)).status_code for _ in range(2)]

    assert email == [200, 429]
    assert sms == [200, 429]


# -- the store is down -----------------------------------------------------------------------


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine on which no server listens."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("limiters", [0, 1])
@pytest.mark.parametrize("swallow", [False, True])
def test_with_its_store_down_every_request_is_refused(
    limiters: int, swallow: bool, closed_port: int, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    app = host(
        outbox,
        limiters=limiters,
        RATELIMIT_STORAGE_URI=f"redis://127.0.0.1:{closed_port}/0",
        RATELIMIT_SWALLOW_ERRORS=swallow,
    )

    answers = [at(app, "192.0.2.1"), at(app, "192.0.2.1", "/verify-otp"), at(app, "192.0.2.1", "/logout")]

    for answer in answers:
        assert answer.status_code == 503
        assert outcome(answer) == (-6, "System error")
        assert answer.headers["Retry-After"] == "5"
    assert outbox.messages == []
    assert "store of the rate limits is down" in caplog.text


def test_a_server_to_server_flow_is_refused_with_the_store_down(closed_port: int, outbox: Outbox) -> None:
    app = host(outbox, RATELIMIT_STORAGE_URI=f"redis://127.0.0.1:{closed_port}/0")
    headers, _ = credentials(app)

    assert order(app, headers) == 503


def test_the_hosts_own_limit_with_the_store_down_is_503_in_our_envelope(
    closed_port: int, outbox: Outbox
) -> None:
    app = host(
        outbox,
        limiters=1,
        RATELIMIT_STORAGE_URI=f"redis://127.0.0.1:{closed_port}/0",
        RATELIMIT_DEFAULT="2 per minute",
    )

    answer = at(app, "192.0.2.1")

    assert answer.status_code == 503
    assert outcome(answer) == (-6, "System error")


@pytest.mark.parametrize("before", STRATEGIES)
@pytest.mark.parametrize("after", STRATEGIES)
def test_another_strategy_is_not_kept_from_counting_by_what_the_former_left_in_redis(
    before: str, after: str, outbox: Outbox
) -> None:
    need("Redis", listens(REDIS_ADDRESS))
    shared = {
        "SECRET_KEY": secrets.token_hex(32),  # so that these tests have counters of their own
        "RATELIMIT_STORAGE_URI": REDIS_URL,
        "ip_limits": {"send": "1 per hour"},
    }
    former = host(outbox, RATELIMIT_STRATEGY=before, **shared)
    assert statuses(former, ["192.0.2.1", "192.0.2.1"]) == [200, 429]

    app = host(outbox, RATELIMIT_STRATEGY=after, **shared)

    assert statuses(app, ["192.0.2.1", "192.0.2.1"])[-1] == 429


def test_a_hosts_own_mistake_is_not_taken_for_a_store_that_is_down(outbox: Outbox) -> None:
    app = host(outbox)

    def broken() -> None:
        raise ValueError("what the store in memory would raise")

    app.before_request(broken)

    assert at(app, "192.0.2.1").status_code == 500


def test_ours_are_not_the_exact_limits(outbox: Outbox) -> None:
    app = host(outbox, email_send_quotas=["2 per hour"])
    caller = EmailCaller(app, outbox)

    answers = [caller.ask() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert outcome(answers[-1]) == TOO_MANY
