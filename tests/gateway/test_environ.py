from __future__ import annotations

import io
from typing import Any

import pytest
from tests.gateway.recorder import make_environ, make_request, read_request

from dovetail.gateway import (
    FileWrapper,
    RequestRecord,
    base_environ,
    build_environ,
    refuse_unservable,
)
from dovetail.gateway import environ as module
from dovetail.http1 import MethodNotImplemented


def environ_of(*lines: str, **options: Any) -> dict[str, Any]:
    """The environ of a request made of these lines, latin-1."""
    return make_environ(
        read_request(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")), **options
    )


def fields_of(*lines: str) -> dict[str, Any]:
    return environ_of("GET / HTTP/1.1", "Host: h.test", *lines)


def test_is_a_builtin_dict_of_native_strings() -> None:
    environ = environ_of(
        "POST /a%20b?q=1 HTTP/1.1", "Host: h.test", "X-A: \xe9", "Content-Length: 0"
    )
    assert type(environ) is dict
    for key, value in environ.items():
        assert type(key) is str
        if key.isupper():
            assert type(value) is str


def test_request_line() -> None:
    environ = environ_of("PATCH /a/b;c?x=1&y=%20? HTTP/1.1", "Host: h.test")
    assert environ["REQUEST_METHOD"] == "PATCH"
    assert environ["SCRIPT_NAME"] == ""
    assert environ["PATH_INFO"] == "/a/b;c"
    assert environ["QUERY_STRING"] == "x=1&y=%20?"
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "/a/b;c?x=1&y=%20?"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ_of("GET / HTTP/1.0")["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_query_string_is_there_even_if_empty() -> None:
    assert environ_of("GET / HTTP/1.1", "Host: h.test")["QUERY_STRING"] == ""
    environ = environ_of("GET /? HTTP/1.1", "Host: h.test")
    assert environ["QUERY_STRING"] == ""
    assert environ["REQUEST_URI"] == "/?"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/caf%C3%A9", "/caf\xc3\xa9"),  # UTF-8 octets, one character each
        ("/%e9", "/\xe9"),
        ("/a%2Fb%2fc", "/a/b/c"),
        ("/100%", "/100%"),
        ("/%zz%4", "/%zz%4"),
        ("/%2525", "/%25"),  # decoded once
        ("/a+b", "/a+b"),
        ("/%00", "/\x00"),
        ("//twice//", "//twice//"),
    ],
)
def test_path_is_percent_decoded_to_one_character_an_octet(target: str, path: str) -> None:
    environ = environ_of(f"GET {target} HTTP/1.1", "Host: h.test")
    assert environ["PATH_INFO"] == path
    assert environ["RAW_URI"] == target


def test_asterisk_form_has_an_empty_path() -> None:
    environ = environ_of("OPTIONS * HTTP/1.1", "Host: h.test")
    assert environ["PATH_INFO"] == ""
    assert environ["REQUEST_URI"] == "*"


def test_host_of_an_absolute_target_wins() -> None:
    environ = environ_of("GET http://target.test:81/p?q HTTP/1.1", "Host: field.test")
    assert environ["HTTP_HOST"] == "target.test:81"
    assert environ["PATH_INFO"] == "/p"
    assert environ["QUERY_STRING"] == "q"
    assert environ["RAW_URI"] == "http://target.test:81/p?q"


def test_absolute_target_without_path() -> None:
    environ = environ_of("GET http://target.test HTTP/1.1", "Host: field.test")
    assert environ["PATH_INFO"] == "/"


def test_connect_is_refused() -> None:
    request = read_request(b"CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\n\r\n")
    with pytest.raises(MethodNotImplemented) as caught:
        refuse_unservable(request)
    assert caught.value.status == 501


def test_other_methods_are_for_the_application() -> None:
    refuse_unservable(make_request("BREW"))
    refuse_unservable(read_request(b"OPTIONS * HTTP/1.1\r\nHost: h.test\r\n\r\n"))


def test_field_names() -> None:
    environ = fields_of("X-Forwarded-For: a", "acCEPT: b", "X.Dot~!: c")
    assert environ["HTTP_X_FORWARDED_FOR"] == "a"
    assert environ["HTTP_ACCEPT"] == "b"
    assert environ["HTTP_X.DOT~!"] == "c"


def test_field_values_are_one_character_an_octet() -> None:
    environ = fields_of("X-Latin: \xe9\xff", "X-Empty:", "X-Space: \t a b \t")
    assert environ["HTTP_X_LATIN"] == "\xe9\xff"
    assert environ["HTTP_X_EMPTY"] == ""
    assert environ["HTTP_X_SPACE"] == "a b"


def test_content_fields_have_no_prefix() -> None:
    environ = fields_of("Content-Type: text/plain", "Content-Length: 12")
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert environ["CONTENT_LENGTH"] == "12"
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(environ)


@pytest.mark.parametrize(
    "lines",
    [
        ("X_Real_IP: forged",),
        ("X-Real-IP: real", "X_Real_IP: forged"),
        ("X_Real_IP: forged", "X-Real-IP: real"),
        ("X-Real-IP: real", "X-Real_IP: forged"),
    ],
)
def test_name_with_an_underscore_is_dropped(lines: tuple[str, ...]) -> None:
    for _ in range(2):  # the second time the name is known
        environ = fields_of(*lines)
        assert environ.get("HTTP_X_REAL_IP") == ("real" if len(lines) > 1 else None)


def test_underscore_does_not_reach_the_content_fields() -> None:
    environ = fields_of("Content_Length: 5", "Content_Type: text/html")
    assert "CONTENT_TYPE" not in environ
    assert "CONTENT_LENGTH" not in environ


@pytest.mark.parametrize("name", ["Proxy", "PROXY", "proxy"])
def test_proxy_is_dropped(name: str) -> None:
    assert "HTTP_PROXY" not in fields_of(f"{name}: http://evil.test")


def test_proxy_alone_is_dropped() -> None:
    environ = fields_of("Proxy-Authorization: a", "X-Proxy: b")
    assert environ["HTTP_PROXY_AUTHORIZATION"] == "a"
    assert environ["HTTP_X_PROXY"] == "b"


def test_repeated_fields_are_joined_in_order() -> None:
    environ = fields_of("X-List: a", "Other: x", "x-list: b", "X-LIST: c, d")
    assert environ["HTTP_X_LIST"] == "a,b,c, d"


def test_repeated_cookies_are_joined_as_cookies() -> None:
    assert fields_of("Cookie: a=1", "Cookie: b=2; c=3")["HTTP_COOKIE"] == "a=1; b=2; c=3"


def test_content_length_of_chunks_is_what_was_received() -> None:
    environ = environ_of(
        "POST / HTTP/1.1", "Host: h.test", "Transfer-Encoding: chunked", body=b"hello"
    )
    assert environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["wsgi.input"].read() == b"hello"


def test_without_content_there_is_no_content_length() -> None:
    assert "CONTENT_LENGTH" not in fields_of()


def test_content_length_of_chunks_still_arriving_is_unknown() -> None:
    request = read_request(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    base = make_environ(make_request())
    environ = build_environ(
        {"REMOTE_PORT": "1"},
        request,
        body=io.BytesIO(),
        length=None,
        record=RequestRecord(),
        early_hints=base["wsgi.early_hints"],
    )
    assert "CONTENT_LENGTH" not in environ


def test_addresses_of_tcp() -> None:
    environ = fields_of()
    assert environ["SERVER_NAME"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == "8000"
    assert environ["REMOTE_ADDR"] == "127.0.0.2"
    assert environ["REMOTE_PORT"] == "50123"


@pytest.mark.parametrize(
    ("host", "scheme", "name", "port"),
    [
        ("shop.test", "http", "shop.test", "80"),
        ("shop.test", "https", "shop.test", "443"),
        ("shop.test:8080", "http", "shop.test", "8080"),
        ("shop.test:", "http", "shop.test", "80"),
        ("[::1]", "http", "[::1]", "80"),
        ("[::1]:81", "https", "[::1]", "81"),
    ],
)
def test_host_names_the_server_behind_a_unix_socket(
    host: str, scheme: str, name: str, port: str
) -> None:
    environ = environ_of("GET / HTTP/1.1", f"Host: {host}", scheme=scheme, server=None, client=None)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (name, port)
    assert environ["REMOTE_ADDR"] == environ["REMOTE_PORT"] == ""


def test_unix_socket_without_host() -> None:
    environ = environ_of("GET / HTTP/1.0", server=None, client=None)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")


def test_keys_of_the_interface() -> None:
    errors = io.StringIO()
    environ = make_environ(make_request(), errors=errors, scheme="https", multiprocess=True)
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["wsgi.errors"] is errors
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.multiprocess"] is True
    assert environ["wsgi.run_once"] is False
    assert environ["wsgi.input_terminated"] is True
    assert environ["wsgi.file_wrapper"] is FileWrapper
    assert isinstance(environ["dovetail.request"], RequestRecord)


def test_each_request_has_an_environ_of_its_own() -> None:
    base = base_environ(
        scheme="http",
        server=("127.0.0.1", 80),
        client=("127.0.0.1", 1),
        errors=io.StringIO(),
        multithread=False,
        multiprocess=False,
    )
    before = dict(base)

    def build() -> dict[str, Any]:
        return build_environ(
            base,
            make_request(),
            body=io.BytesIO(),
            length=0,
            record=RequestRecord(),
            early_hints=lambda headers: None,
        )

    first = build()
    first["SCRIPT_NAME"] = "/changed"
    first.clear()
    assert base == before
    assert build()["SCRIPT_NAME"] == ""


def test_names_that_clients_invent_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEYS", dict(module._KEYS))
    for number in range(module._KEYS_BOUND + 50):
        key = f"HTTP_X_INVENTED_{number}"
        assert fields_of(f"X-Invented-{number}: v")[key] == "v"
    assert len(module._KEYS) <= module._KEYS_BOUND
