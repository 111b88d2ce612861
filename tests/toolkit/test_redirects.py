from __future__ import annotations

import pytest

from dovetail.toolkit.redirects import append_slash_redirect, redirect
from dovetail.toolkit.response import Response


@pytest.mark.parametrize("code", [301, 302, 303, 305, 307, 308])
def test_redirect(code: int) -> None:
    response = redirect("/a?b=<c>&d", code)
    assert (response.status_code, response.location) == (code, "/a?b=<c>&d")
    assert response.mimetype == "text/html"
    assert '<a href="/a?b=&lt;c&gt;&amp;d">' in response.get_data(as_text=True)


def test_redirect_by_default() -> None:
    response = redirect("http://müller.example/ä")
    assert type(response) is Response
    assert response.status_code == 302
    headers = response.get_wsgi_headers({"REQUEST_METHOD": "GET"})
    assert headers["Location"] == "http://xn--mller-kva.example/%C3%A4"


def test_redirect_of_a_class() -> None:
    class Own(Response):
        pass

    assert type(redirect("/", Response=Own)) is Own


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/a", "", "a/"),
        ("/a/b", "q=1&r", "b/?q=1&r"),
        ("", "", "./"),
        ("/javascript:x", "", "./javascript:x/"),
        ("/a?b%c#d", "", "a%3Fb%25c%23d/"),
        ("/\xc3\xa4", "q=\xc3\xbc", "%C3%A4/?q=ü"),
    ],
)
def test_append_slash_redirect(path: str, query: str, expected: str) -> None:
    environ = {"PATH_INFO": path, "QUERY_STRING": query}
    response = append_slash_redirect(environ)
    assert (response.status_code, response.location) == (308, expected)
    assert append_slash_redirect(environ, 301).status_code == 301
