from __future__ import annotations

import base64
import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.auth import Authorization, WWWAuthenticate

DIGEST = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html",'
    ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, qop=auth, opaque=""'
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# A scheme other than basic, and names of parameters.
NAMES = st.text("cdefgh0-", min_size=2, max_size=6)


def basic(text: str | bytes) -> str:
    octets = text if isinstance(text, bytes) else text.encode()
    return f"Basic {base64.b64encode(octets).decode('ascii')}"


@pytest.mark.parametrize(
    ("text", "username", "password"),
    [
        ("user:pass", "user", "pass"),
        ("user:pa:ss", "user", "pa:ss"),
        ("user", "user", ""),
        (":", "", ""),
        ("", "", ""),
        ("ü:é", "ü", "é"),
    ],
)
def test_basic(text: str, username: str, password: str) -> None:
    found = Authorization.from_header(basic(text))
    assert found is not None
    assert found.type == "basic"
    assert found.parameters == {"username": username, "password": password}
    assert (found.username, found.password, found.token) == (username, password, None)
    again = Authorization("basic", {"username": username, "password": password})
    assert again == found
    assert again.to_header() == basic(f"{username}:{password}")


@pytest.mark.parametrize(
    "header", [None, "", "Basic %%%", "Basic dTp", "Basic é", basic(b"\xff:x"), "Basic a=b"]
)
def test_no_credentials(header: str | None) -> None:
    assert Authorization.from_header(header) is None


@pytest.mark.parametrize("header", ["basic dTpw", "BASIC  dTpw ", "Basic\x20\tdTpw\t"])
def test_basic_written_otherwise(header: str) -> None:
    found = Authorization.from_header(header)
    assert found == Authorization("basic", {"username": "u", "password": "p"})


@pytest.mark.parametrize("kind", [Authorization, WWWAuthenticate])
@pytest.mark.parametrize(
    ("header", "scheme", "token"),
    [
        ("Bearer abc", "bearer", "abc"),
        ("BEARER abc==", "bearer", "abc=="),
        ("Negotiate", "negotiate", ""),
        ("Token a b", "token", "a b"),
    ],
)
def test_tokens(kind: Any, header: str, scheme: str, token: str) -> None:
    found = kind.from_header(header)
    assert (found.type, found.token, found.parameters) == (scheme, token, {})
    assert found.to_header() == f"{scheme.title()} {token}"
    assert found == kind(scheme, None, token)
    assert found == kind(scheme, token=token)


def test_digest() -> None:
    found = Authorization.from_header(DIGEST)
    assert found is not None
    assert found.type == "digest"
    assert found.token is None
    assert found.username == found["username"] == found.get("username") == "Mufasa"
    assert (found.nc, found.opaque) == ("00000001", "")
    assert found.missing is None
    assert found["missing"] is None
    assert found.get("missing") is None
    assert found.get("missing", "x") == "x"
    assert "realm" in found
    assert "missing" not in found
    assert Authorization.from_header(found.to_header()) == found
    assert str(found) == found.to_header()
    assert repr(found) == f"<Authorization {found.to_header()}>"


def test_authorization_is_changed_by_its_parameters() -> None:
    found = Authorization("digest", {"realm": "a"})
    found.parameters["realm"] = "b c"
    assert found.to_header() == 'Digest realm="b c"'
    found.type = "other"
    assert found.to_header() == 'Other realm="b c"'
    found.token = "t"
    assert found.to_header() == "Other t"


@pytest.mark.parametrize("kind", [Authorization, WWWAuthenticate])
def test_equality_and_copies(kind: Any) -> None:
    first = kind("digest", {"realm": "a", "stale": None})
    assert first == kind("digest", {"realm": "a", "stale": None})
    assert first != kind("digest", {"realm": "b"})
    assert first != kind("other", {"realm": "a", "stale": None})
    assert first != kind("digest", {"realm": "a", "stale": None}, "t")
    assert first != "digest"
    with pytest.raises(TypeError):
        hash(first)
    for copied in (copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert type(copied) is kind
        assert copied == first


def test_the_two_differ() -> None:
    assert Authorization("bearer", token="a") != WWWAuthenticate("bearer", token="a")


@given(TEXT.filter(lambda name: ":" not in name), TEXT)
def test_parse_the_basic_dumped(username: str, password: str) -> None:
    found = Authorization("basic", {"username": username, "password": password})
    assert Authorization.from_header(found.to_header()) == found


@given(NAMES, st.dictionaries(NAMES, TEXT, min_size=1, max_size=4))
def test_parse_the_parameters_dumped(scheme: str, parameters: dict[str, str | None]) -> None:
    for kind in (Authorization, WWWAuthenticate):
        found = kind(scheme, parameters)
        assert kind.from_header(found.to_header()) == found


@given(st.text())
def test_parse_whatever(header: str) -> None:
    for text in (header, f"Basic {header}", f"Digest {header}"):
        Authorization.from_header(text)
        WWWAuthenticate.from_header(text)


@pytest.mark.parametrize("piece", ['"', "=", ",", 'a="', "a=b,", " ", "\\", "dTpw"])
def test_parse_much(piece: str) -> None:
    for scheme in ("Basic", "Digest"):
        Authorization.from_header(f"{scheme} {piece * (2**18 // len(piece))}")


@pytest.mark.parametrize(
    ("arguments", "header"),
    [
        (("basic", {"realm": "a b"}), 'Basic realm="a b"'),
        (("Basic", {"realm": "a"}), "Basic realm=a"),
        (("basic",), "Basic"),
        (("negotiate", None, "abc="), "Negotiate abc="),
        (
            (
                "digest",
                {
                    **{"realm": "r", "domain": "d", "nonce": "n", "opaque": "o", "qop": "auth"},
                    **{"algorithm": "MD5", "stale": "TRUE", "x": "a b"},
                },
            ),
            'Digest realm="r", domain="d", nonce="n", opaque="o", qop="auth", algorithm=MD5,'
            ' stale=TRUE, x="a b"',
        ),
    ],
)
def test_challenges(arguments: Any, header: str) -> None:
    challenge = WWWAuthenticate(*arguments)
    assert challenge.to_header() == str(challenge) == header
    assert repr(challenge) == f"<WWWAuthenticate {header}>"
    found = WWWAuthenticate.from_header(header)
    assert found is not None
    assert found.to_header().strip() == header


def test_no_challenge() -> None:
    assert WWWAuthenticate.from_header(None) is None
    assert WWWAuthenticate.from_header("") is None


def test_a_challenge_tells_its_changes() -> None:
    told: list[str] = []
    challenge = WWWAuthenticate("basic", {"realm": "a"})
    challenge._on_update = lambda found: told.append(found.to_header())

    def change(key: str, value: Any) -> str:
        setattr(challenge, key, value)
        return told[-1]

    assert change("realm", "b") == "Basic realm=b"
    assert challenge.realm == challenge["realm"] == challenge.get("realm") == "b"
    challenge["charset"] = "UTF-8"
    assert told[-1] == "Basic realm=b, charset=UTF-8"
    assert "charset" in challenge
    del challenge["charset"]
    assert told[-1] == "Basic realm=b"
    assert "charset" not in challenge
    del challenge.realm
    assert told[-1] == "Basic"
    assert challenge.realm is None
    assert challenge.get("realm", "x") == "x"
    challenge.parameters["realm"] = "c"
    assert told[-1] == "Basic realm=c"
    assert change("realm", None) == "Basic"
    assert change("type", "Digest") == "Digest"
    assert challenge.type == "digest"
    assert change("parameters", {"nonce": "n"}) == 'Digest nonce="n"'
    challenge.parameters["nonce"] = "m"
    assert told[-1] == 'Digest nonce="m"'
    assert change("token", "abc") == "Digest abc"
    assert challenge.token == "abc"
    told.clear()
    copy.copy(challenge)["nonce"] = "other"
    assert not told
    assert challenge.nonce == "m"


def test_what_is_not_there_can_be_removed() -> None:
    challenge = WWWAuthenticate("basic")
    del challenge.realm
    del challenge["realm"]
    challenge.realm = None
    challenge["realm"] = None
    assert challenge.to_header() == "Basic"
    assert not hasattr(challenge, "__html__")
    assert not hasattr(Authorization("basic"), "__html__")
