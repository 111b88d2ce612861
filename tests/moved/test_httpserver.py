"""pytest-httpserver: a package for tests that rests on the serving interface."""

from __future__ import annotations

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

pytestmark = pytest.mark.network


def test_expectations_over_a_socket(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/json", method="POST", json={"a": 1}).respond_with_json({"b": 2})

    def view(request: Request) -> Response:
        return Response(request.get_data() + request.headers["x-name"].encode(), status=201)

    httpserver.expect_request("/view", query_string={"q": "ä b"}).respond_with_handler(view)
    with requests.Session() as session:
        session.trust_env = False
        assert session.post(httpserver.url_for("/json"), json={"a": 1}).json() == {"b": 2}
        answer = session.put(
            httpserver.url_for("/view"), params={"q": "ä b"}, data=b"data ", headers={"X-Name": "n"}
        )
        assert (answer.status_code, answer.text) == (201, "data n")
        assert session.get(httpserver.url_for("/other")).status_code == 500
    assert len(httpserver.log) == 3
    with pytest.raises(AssertionError):
        httpserver.check_assertions()
    httpserver.clear_assertions()
