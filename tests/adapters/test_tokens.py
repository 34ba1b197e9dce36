from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from flask_otpauth.adapters.tokens.jwt import JwtKey, JwtTokens, configured_keys, hmac_keys
from flask_otpauth.core.errors import CredentialsInvalid
from flask_otpauth.core.keys import KeyRing, derive
from flask_otpauth.core.sessions import LONGEST_TOKEN_LIFE

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
NEW, OLD = b"n" * 32, b"o" * 32
CLAIMS = {"sub": "12345", "sid": "a-session"}
HMAC_KEYS = hmac_keys(KeyRing((NEW, OLD), OLD))
TOKENS = JwtTokens(HMAC_KEYS, "flask_otpauth", "shop")


def pem(key: Any) -> str:
    """Return a private or public key in PEM, as a host configures it."""
    if hasattr(key, "public_key"):
        formats = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        text: bytes = key.private_bytes(serialization.Encoding.PEM, *formats)
    else:
        text = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


RSA = rsa.generate_private_key(65537, 2048)
PAIRS: dict[str, Any] = {
    "RS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(segment: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def as_json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def forged(
    header: Mapping[str, Any] | bytes | None = None,
    claims: Mapping[str, Any] | bytes | None = None,
    key: bytes | None = None,
) -> str:
    """Return a token with a right signature. The arguments replace parts of it."""
    whole_header = {"alg": "HS256", "kid": HMAC_KEYS[0].kid, "typ": "JWT"}
    whole_claims = {
        "iss": "flask_otpauth",
        "aud": "shop",
        "sub": "12345",
        "sid": "a-session",
        "iat": int(NOW.timestamp()),
        "exp": int(LATER.timestamp()),
        "jti": "a-token",
    }
    parts = [
        given if isinstance(given, bytes) else as_json({**whole, **(given or {})})
        for whole, given in ((whole_header, header), (whole_claims, claims))
    ]
    signed = ".".join(map(encoded, parts))
    mac = hmac.digest(key or derive(NEW, "jwt access"), signed.encode(), hashlib.sha256)
    return f"{signed}.{encoded(mac)}"


def without(name: str) -> bytes:
    claims = decoded(forged().split(".")[1])
    del claims[name]
    return as_json(claims)


def refused(token: str, use: str = "access", tokens: JwtTokens = TOKENS, now: datetime = NOW) -> None:
    with pytest.raises(CredentialsInvalid) as refusal:
        tokens.read(use, token, now)

    assert str(refusal.value) == ""
    assert refusal.value.__context__ is None


def test_a_token_carries_the_documented_header_and_claims() -> None:
    token = TOKENS.sign("access", CLAIMS, NOW, LATER)

    header, claims = (decoded(segment) for segment in token.split(".")[:2])
    assert header == {"alg": "HS256", "typ": "JWT", "kid": HMAC_KEYS[0].kid}
    assert claims.pop("jti")
    assert claims == {
        "iss": "flask_otpauth",
        "aud": "shop",
        "sub": "12345",
        "sid": "a-session",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 86_400,
    }


def test_what_is_signed_is_read() -> None:
    token = TOKENS.sign("access", CLAIMS, NOW, LATER)

    assert TOKENS.read("access", token, NOW).items() >= CLAIMS.items()


def test_what_anybody_can_compute_with_the_key_is_read() -> None:
    assert TOKENS.read("access", forged(), NOW)["jti"] == "a-token"


def test_claims_of_the_caller_replace_none_of_the_signer() -> None:
    own = {"iss": "another", "aud": "another", "iat": 0, "exp": 1, "jti": "a-token"}
    token = TOKENS.sign("access", {**CLAIMS, **own}, NOW, LATER)

    claims = TOKENS.read("access", token, NOW)

    assert (claims["iss"], claims["aud"], claims["exp"]) == ("flask_otpauth", "shop", int(LATER.timestamp()))
    assert claims["jti"] != "a-token"


def test_no_two_tokens_are_equal() -> None:
    first, second = (TOKENS.sign("access", CLAIMS, NOW, LATER) for _ in range(2))

    assert first != second


@pytest.mark.parametrize(
    "claims", [{}, {"sub": ""}, {"sub": 12345, "sid": "a"}, {"sub": "12345"}, {"sub": "12345", "sid": None}]
)
def test_claims_that_could_not_be_read_are_not_signed(claims: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="demanded"):
        TOKENS.sign("access", claims, NOW, LATER)


def test_a_token_that_would_end_before_it_begins_is_not_signed() -> None:
    with pytest.raises(ValueError, match="life"):
        TOKENS.sign("access", CLAIMS, NOW, NOW)


def test_only_an_access_token_needs_a_session() -> None:
    token = TOKENS.sign("client:sms", {"sub": "a-client"}, NOW, LATER)

    claims = TOKENS.read("client:sms", token, NOW)
    assert claims["sub"] == "a-client"
    assert claims["aud"] == "shop#client:sms"


@pytest.mark.parametrize("made_for", ["access", "client:sms", "client:account"])
@pytest.mark.parametrize("used_for", ["access", "client:sms", "client:account"])
@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_token_made_for_one_use_is_refused_for_every_other(
    made_for: str, used_for: str, algorithm: str
) -> None:
    keys = HMAC_KEYS if algorithm == "HS256" else [pair("EdDSA")]
    tokens = JwtTokens(keys, "flask_otpauth", "shop")
    token = tokens.sign(made_for, CLAIMS, NOW, LATER)

    if made_for == used_for:
        assert tokens.read(used_for, token, NOW)
    else:
        refused(token, used_for, tokens)


def test_a_key_of_one_use_verifies_no_other_even_with_the_audience_changed() -> None:
    other_key = derive(NEW, "jwt client:sms")

    refused(forged(key=other_key))


@pytest.mark.parametrize(("issuer", "audience"), [("another", "shop"), ("flask_otpauth", "another")])
def test_another_issuer_or_audience_is_refused(issuer: str, audience: str) -> None:
    token = JwtTokens(HMAC_KEYS, issuer, audience).sign("access", CLAIMS, NOW, LATER)

    refused(token)


@pytest.mark.parametrize(
    ("offset_seconds", "alive"), [(-31, False), (-30, True), (0, True), (86_399, True), (86_400, False)]
)
def test_a_token_lives_until_its_end_and_from_half_a_minute_before_its_beginning(
    offset_seconds: int, alive: bool
) -> None:
    token = TOKENS.sign("access", CLAIMS, NOW, LATER)
    now = NOW + timedelta(seconds=offset_seconds)

    if alive:
        assert TOKENS.read("access", token, now)
    else:
        refused(token, now=now)


FAR = int(NOW.timestamp())


@pytest.mark.parametrize(
    "claims",
    [
        *(
            pytest.param(without(name), id=f"no {name}")
            for name in ("iss", "sub", "aud", "iat", "exp", "jti", "sid")
        ),
        {"sub": 12345},
        {"sub": ["12345"]},
        {"sub": None},
        {"sub": ""},
        {"sid": 7},
        {"sid": ""},
        {"jti": 7},
        {"jti": ""},
        {"iss": ["flask_otpauth"]},
        {"aud": ["shop"]},
        {"aud": ["shop", "another"]},
        {"aud": "shop#client:sms"},
        {"exp": str(FAR + 60)},
        {"exp": FAR + 60.0},
        {"exp": 1e300},
        {"exp": 10**300},
        {"exp": True},
        {"exp": None},
        {"exp": -1},
        {"exp": FAR},
        {"exp": FAR + 86_400 * 36_600},
        {"iat": FAR - 0.5},
        {"iat": False},
        {"iat": str(FAR)},
        {"iat": -1},
        {"iat": FAR + 31},
        {"nbf": FAR + 31},
        {"nbf": "0"},
        {"nbf": True},
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"text"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half"),
        pytest.param(b"[" * 2000, id="deep"),
        pytest.param(without("sub")[:-1] + b',"sub":"12345","x":NaN}', id="NaN"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(json.dumps(CLAIMS).encode("utf-16"), id="UTF-16"),
        pytest.param(without("sub")[:-1] + b',"sub":"1","sub":"12345"}', id="sub twice"),
        pytest.param(without("sub")[:-1] + b',"sub":"12345","x":{"y":1,"y":2}}', id="y twice"),
        pytest.param(without("sub")[:-1] + b', "sub": "12345"}', id="with a blank"),
    ],
    ids=str,
)
def test_a_missing_or_mistyped_claim_is_refused_though_the_signature_is_right(
    claims: Mapping[str, Any] | bytes,
) -> None:
    refused(forged(claims=claims))


def test_a_token_may_live_as_long_as_the_longest_setting_and_no_second_longer() -> None:
    end = FAR + int(LONGEST_TOKEN_LIFE.total_seconds())

    assert TOKENS.read("access", forged(claims={"exp": end}), NOW)
    refused(forged(claims={"exp": end + 1}))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": None},
        {"typ": "at+jwt"},
        {"typ": None},
        {"kid": "another"},
        {"kid": ""},
        {"kid": "../../dev/null"},
        {"kid": 1},
        {"kid": ["a"]},
        {"kid": None},
        {"jku": "http://127.0.0.1/keys"},
        {"x5u": "http://127.0.0.1/cert"},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
        pytest.param(b"{}", id="empty"),
        pytest.param(b"[]", id="a list"),
        pytest.param(
            as_json({"alg": "none", "typ": "JWT", "kid": HMAC_KEYS[0].kid})[:-1] + b',"alg":"HS256"}',
            id="alg twice",
        ),
    ],
    ids=str,
)
def test_a_header_that_is_not_ours_is_refused_though_the_signature_is_right(
    header: Mapping[str, Any] | bytes,
) -> None:
    refused(forged(header=header))


def changed_signature(token: str) -> str:
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[:-2]}{'A' if signature[-2] != 'A' else 'B'}{signature[-1]}"


def other_trailing_bits(token: str) -> str:
    """Return another text for the same bytes: the unused bits of its last character are not zero."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


@pytest.mark.parametrize(
    "change",
    [
        changed_signature,
        other_trailing_bits,
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token.rpartition(".")[0],
        lambda token: token + "=",
        lambda token: token + "==",
        lambda token: token + " ",
        lambda token: " " + token,
        lambda token: token + "\n",
        lambda token: token + ".",
        lambda token: "." + token,
        lambda token: token.replace(".", ".."),
        lambda token: token.replace(".", "=.", 1),
        lambda token: token[:10] + "\n" + token[10:],
        lambda token: token[:10] + "!" + token[10:],
        lambda token: token + "é",
        lambda token: token + "\ud800",
        lambda token: token + "\x00",
        lambda token: token + "A" * 4096,
        lambda token: "A" * 1_000_000,
        lambda token: "",
        lambda token: "..",
        lambda token: "Bearer " + token,
    ],
)
def test_any_change_of_the_text_is_refused(change: Callable[[str], str]) -> None:
    token = TOKENS.sign("access", CLAIMS, NOW, LATER)

    refused(change(token))


def test_a_token_below_four_kibibytes_is_read_and_one_over_them_is_refused() -> None:
    tokens = {len(token): token for token in (forged(claims={"x": "x" * n}) for n in range(2800, 2900))}

    # None of these tokens has 4096 characters.
    assert TOKENS.read("access", tokens[4095], NOW)
    refused(tokens[4097])


def test_a_rotated_secret_is_accepted_until_it_is_taken_off_the_list() -> None:
    before, during, after = (
        JwtTokens(hmac_keys(KeyRing(secrets, OLD)), "flask_otpauth", "shop")
        for secrets in ((OLD,), (NEW, OLD), (NEW,))
    )
    token = before.sign("access", CLAIMS, NOW, LATER)

    assert during.read("access", token, NOW)["sub"] == "12345"
    assert after.read("access", during.sign("access", CLAIMS, NOW, LATER), NOW)
    refused(token, tokens=after)


def test_the_name_of_a_derived_key_is_stable_and_tells_nothing() -> None:
    first, second = hmac_keys(KeyRing((NEW, OLD), OLD))

    assert first.kid == hmac_keys(KeyRing((NEW,), NEW))[0].kid != second.kid
    assert "n" * 8 not in repr(first)
    assert derive(NEW, "jwt access").hex()[:16] != first.kid != derive(NEW, "codes").hex()[:16]


def pair(algorithm: str, kid: str = "k1", private: Any = None) -> JwtKey:
    key = private or PAIRS[algorithm]
    return configured_keys([{"kid": kid, "alg": algorithm, "key": pem(key)}])[0]


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_key_pair_signs_and_what_it_signs_is_read(algorithm: str) -> None:
    tokens = JwtTokens([pair(algorithm)], "flask_otpauth", "shop")

    token = tokens.sign("access", CLAIMS, NOW, LATER)

    assert decoded(token.split(".")[0]) == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    assert tokens.read("access", token, NOW)["sub"] == "12345"


@pytest.mark.parametrize("algorithm", PAIRS)
def test_the_published_key_verifies_for_somebody_else_and_holds_nothing_private(algorithm: str) -> None:
    tokens = JwtTokens([pair(algorithm)], "flask_otpauth", "shop")
    token = tokens.sign("access", CLAIMS, NOW, LATER)

    published = tokens.jwks()

    (key,) = published["keys"]
    assert key["kid"] == "k1"
    assert key["use"] == "sig"
    assert key["alg"] == algorithm
    assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "key_ops"}
    payload = jwt.PyJWS().decode(token, jwt.PyJWK(key), algorithms=[algorithm])
    assert json.loads(payload)["sub"] == "12345"


def test_derived_secrets_are_never_published() -> None:
    mixed = JwtTokens([pair("EdDSA"), *HMAC_KEYS], "flask_otpauth", "shop")

    assert TOKENS.jwks() == {"keys": []}
    assert [key["kid"] for key in mixed.jwks()["keys"]] == ["k1"]


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_public_key_used_as_an_hmac_secret_is_refused(algorithm: str) -> None:
    tokens = JwtTokens([pair(algorithm)], "flask_otpauth", "shop")
    secret = pem(PAIRS[algorithm].public_key()).encode()

    refused(forged(header={"kid": "k1"}, key=secret), tokens=tokens)
    refused(forged(header={"kid": "k1", "alg": algorithm}, key=secret), tokens=tokens)


def test_the_algorithm_is_that_of_the_named_key_and_of_no_other() -> None:
    tokens = JwtTokens([pair("RS256", "rsa"), *HMAC_KEYS], "flask_otpauth", "shop")

    assert tokens.read("access", forged(), NOW)
    refused(forged(header={"kid": "rsa"}), tokens=tokens)


def test_an_older_key_of_which_only_the_public_half_is_left_still_verifies() -> None:
    old = ec.generate_private_key(ec.SECP256R1())
    token = JwtTokens([pair("ES256", "old", old)], "flask_otpauth", "shop").sign("access", CLAIMS, NOW, LATER)
    keys = configured_keys(
        [
            {"kid": "new", "alg": "EdDSA", "key": pem(PAIRS["EdDSA"])},
            {"kid": "old", "alg": "ES256", "public_key": pem(old.public_key())},
        ]
    )

    tokens = JwtTokens(keys, "flask_otpauth", "shop")

    assert tokens.read("access", token, NOW)["sub"] == "12345"
    assert decoded(tokens.sign("access", CLAIMS, NOW, LATER).split(".")[0])["kid"] == "new"
    assert [key["kid"] for key in tokens.jwks()["keys"]] == ["new", "old"]


ES_PEM, ED_PEM = pem(PAIRS["ES256"]), pem(PAIRS["EdDSA"])
ES_PUBLIC = pem(PAIRS["ES256"].public_key())


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([], "first key"),
        ([{"kid": "a", "alg": "ES256", "public_key": ES_PUBLIC}], "first key"),
        ([{"alg": "ES256", "key": ES_PEM}], "no 'kid'"),
        ([{"kid": "a", "key": ES_PEM}], "'alg' of key 1"),
        ([{"kid": "a", "alg": "HS256", "key": "secret"}], "'alg' of key 1"),
        ([{"kid": "a", "alg": "none", "key": ES_PEM}], "'alg' of key 1"),
        ([{"kid": "a", "alg": "ES256"}], "neither"),
        ([{"kid": "a", "alg": "ES256", "key": "-----BEGIN NONSENSE-----"}], "not a valid PEM key"),
        ([{"kid": "a", "alg": "RS256", "key": ES_PEM}], "not a valid PEM key for RS256"),
        ([{"kid": "a", "alg": "ES256", "key": ED_PEM}], "not a valid PEM key for ES256"),
        (
            [{"kid": "a", "alg": "ES256", "key": pem(ec.generate_private_key(ec.SECP384R1()))}],
            "not a valid PEM key for ES256",
        ),
        ([{"kid": "a", "alg": "RS256", "key": pem(rsa.generate_private_key(65537, 1024))}], "too short"),
        ([{"kid": "a", "alg": "ES256", "key": ES_PUBLIC}], "not a private key"),
        ([{"kid": "a", "alg": "ES256", "key": ES_PEM, "public_key": ES_PEM}], "is a private key"),
        (
            [
                {
                    "kid": "a",
                    "alg": "ES256",
                    "key": ES_PEM,
                    "public_key": pem(ec.generate_private_key(ec.SECP256R1()).public_key()),
                }
            ],
            "does not match",
        ),
        (
            [{"kid": "a", "alg": "ES256", "key": ES_PEM}, {"kid": "a", "alg": "EdDSA", "key": ED_PEM}],
            "the same 'kid'",
        ),
        (
            [{"kid": "a", "alg": "ES256", "key": ES_PEM}, {"kid": "b", "alg": "EdDSA", "key": "x"}],
            "key 2 is not a valid PEM",
        ),
    ],
)
def test_a_wrong_key_is_named_by_its_place_and_never_shown(
    entries: list[dict[str, str]], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as refusal:
        configured_keys(entries)

    assert "BEGIN" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_signer_needs_a_key_that_signs() -> None:
    only_verifies = JwtKey("k1", "ES256", None, PAIRS["ES256"].public_key())

    for keys in ([], [only_verifies]):
        with pytest.raises(ValueError, match="first key"):
            JwtTokens(keys, "flask_otpauth", "shop")


def test_a_configured_key_is_not_in_its_repr() -> None:
    assert repr(pair("ES256")) == "JwtKey(kid='k1', algorithm='ES256')"
