"""Tests of an application, with Flask-Testing and with pytest-flask."""

import urllib.request

import pytest
from flask import Flask, jsonify, redirect, render_template_string, url_for
from flask_testing import LiveServerTestCase, TestCase


def create_app():
    app = Flask(__name__)
    app.config.update(TESTING=True, LIVESERVER_PORT=0, LIVESERVER_TIMEOUT=60)

    @app.get("/json")
    def page():
        return jsonify(answer=42)

    @app.get("/moved")
    def moved():
        return redirect("/json")

    @app.get("/template")
    def template():
        return render_template_string("{{ value }}", value=3)

    return app


def ask(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=60) as answer:
        return answer.read()


class TestServed(LiveServerTestCase):
    def create_app(self):
        return create_app()

    def test_over_http(self):
        assert b"42" in ask(f"{self.get_server_url()}/json")

    def test_over_http_again(self):
        assert ask(f"{self.get_server_url()}/template") == b"3"


class TestInProcess(TestCase):
    def create_app(self):
        return create_app()

    def test_responses(self):
        assert self.client.get("/json").json == {"answer": 42}
        self.assert404(self.client.get("/none"))
        self.assert_status(self.client.get("/moved"), 302)

    def test_templates(self):
        self.client.get("/template")
        self.assert_context("value", 3)


@pytest.fixture(scope="session")
def app():
    return create_app()


def test_a_live_server(live_server):
    assert b"42" in ask(live_server.url("/json"))


def test_a_client(client, accept_json):
    answer = client.get(url_for("page"), headers=accept_json)
    assert answer.json == {"answer": 42}
    assert answer == 200


@pytest.mark.options(debug=True)
def test_options(app):
    assert app.debug
