"""Extensions that many applications use: each leans on other corners of the toolkit."""

from __future__ import annotations

import io
import re
from typing import Any

import flask
import flask_caching
import flask_cors
import flask_httpauth
import flask_limiter
import flask_login
import flask_restful
import flask_session
import flask_wtf
import flask_wtf.file
import pytest
import wtforms
from cachelib.simple import SimpleCache
from flask_limiter.util import get_remote_address
from flask_restful import reqparse
from werkzeug.datastructures import FileStorage
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.security import check_password_hash, generate_password_hash


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask(__name__)
    app.secret_key = "only for tests"
    app.testing = True
    return app


class Account(flask_login.UserMixin):
    id = "7"
    password = generate_password_hash("right", method="pbkdf2:sha256:1000")


# flask-login still calls it, and Python 3.12 warns.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_login(app: flask.Flask) -> None:
    manager = flask_login.LoginManager(app)
    manager.login_view = "login"
    manager.user_loader(lambda key: Account() if key == "7" else None)

    @app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        if check_password_hash(Account.password, flask.request.form.get("password", "")):
            flask_login.login_user(Account(), remember=True)
            return flask.redirect(flask.request.args["next"])
        return "who are you?"

    @app.route("/secret")
    @flask_login.login_required
    def secret() -> str:
        return f"for {flask_login.current_user.id}"

    client = app.test_client()
    turned_away = client.get("/secret?a=1")
    assert turned_away.location == "/login?next=%2Fsecret%3Fa%3D1"
    assert client.post(turned_away.location, data={"password": "wrong"}).text == "who are you?"
    inside = client.post(turned_away.location, data={"password": "right"}, follow_redirects=True)
    assert (inside.text, inside.request.path) == ("for 7", "/secret")
    client.delete_cookie("session")
    assert client.get("/secret").text == "for 7"  # by the cookie that remembers
    assert client.get_cookie("remember_token") is not None


class Post(flask_wtf.FlaskForm):
    title = wtforms.StringField(validators=[wtforms.validators.InputRequired()])
    picture = flask_wtf.file.FileField(
        validators=[flask_wtf.file.FileRequired(), flask_wtf.file.FileAllowed(["png"])]
    )


def test_forms_with_files_and_csrf(app: flask.Flask) -> None:
    @app.route("/post", methods=["GET", "POST"])
    def post() -> Any:
        form = Post()
        if form.validate_on_submit():
            return {"title": form.title.data, "picture": form.picture.data.filename}
        return flask.render_template_string("{{ form.csrf_token }} {{ form.errors }}", form=form)

    client = app.test_client()
    token = re.search(r'value="([^"]+)"', client.get("/post").text)
    assert token is not None
    fields = {"title": "ä", "csrf_token": token[1]}
    done = client.post("/post", data={**fields, "picture": (io.BytesIO(b"x"), "a.png")})
    assert done.json == {"title": "ä", "picture": "a.png"}
    wrong = client.post("/post", data={**fields, "picture": (io.BytesIO(b"x"), "a.exe")})
    assert "picture" in wrong.text
    forged = client.post("/post", data={"title": "x", "csrf_token": "no"})
    assert "csrf_token" in forged.text


class Item(flask_restful.Resource):
    parser = reqparse.RequestParser()
    parser.add_argument("count", type=int, required=True, location=["args", "form"])
    parser.add_argument("file", type=FileStorage, location="files")

    def get(self, name: str) -> Any:
        return {"name": name}, 200, {"X-Item": name}

    def put(self, name: str) -> Any:
        found = self.parser.parse_args()
        return {"count": found["count"], "file": found["file"] and found["file"].filename}


def test_resources(app: flask.Flask) -> None:
    flask_restful.Api(app).add_resource(Item, "/item/<string:name>")
    client = app.test_client()
    answer = client.get("/item/a%20b")
    assert (answer.json, answer.headers["X-Item"]) == ({"name": "a b"}, "a b")
    upload = client.put("/item/x?count=3", data={"file": (io.BytesIO(b""), "f.txt")})
    assert upload.json == {"count": 3, "file": "f.txt"}
    assert client.put("/item/x", data={"count": "many"}).status_code == 400
    refused = client.delete("/item/x")
    assert (refused.status_code, "GET" in refused.headers["Allow"]) == (405, True)


def test_cross_origin(app: flask.Flask) -> None:
    flask_cors.CORS(app, origins=[r"https://\w+\.example"], supports_credentials=True)
    app.add_url_rule("/", view_func=lambda: "hello")
    headers = {
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "X-One, X-Two",
    }
    answer = app.test_client().options("/", headers=headers)
    assert answer.access_control_allow_origin == "https://a.example"
    assert answer.access_control_allow_credentials is True
    assert answer.access_control_allow_headers is not None
    assert set(answer.access_control_allow_headers) == {"X-One", "X-Two"}
    assert "Origin" in answer.vary


def test_cache(app: flask.Flask) -> None:
    cache = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    calls = []

    @app.route("/")
    @cache.cached(query_string=True)
    def view() -> str:
        calls.append(flask.request.args.to_dict())
        return "seen"

    client = app.test_client()
    for query in ("a=1&b=2", "b=2&a=1", "a=2"):
        assert client.get(f"/?{query}").text == "seen"
    assert calls == [{"a": "1", "b": "2"}, {"a": "2"}]


@pytest.mark.parametrize("kind", [flask_httpauth.HTTPBasicAuth, flask_httpauth.HTTPTokenAuth])
def test_http_auth(app: flask.Flask, kind: Any) -> None:
    auth = kind(realm="the realm")
    if kind is flask_httpauth.HTTPBasicAuth:
        auth.verify_password(lambda user, password: user if password == "pass word:" else None)
        given: Any = {"auth": ("ann", "pass word:")}
    else:
        auth.verify_token(lambda token: "ann" if token == "abc.def" else None)
        given = {"headers": {"Authorization": "Bearer abc.def"}}
    app.add_url_rule("/", "view", auth.login_required(auth.current_user))
    client = app.test_client()
    asked = client.get("/")
    assert asked.status_code == 401
    assert asked.www_authenticate.realm == "the realm"
    assert client.get("/", **given).text == "ann"


def test_digest_auth(app: flask.Flask) -> None:
    auth = flask_httpauth.HTTPDigestAuth()
    auth.get_password({"ann": "secret"}.get)
    app.add_url_rule("/", "view", auth.login_required(lambda: "in"))
    asked = app.test_client().get("/")
    challenge = asked.www_authenticate
    assert (asked.status_code, challenge.type) == (401, "digest")
    assert challenge.nonce
    assert challenge.opaque


def test_session_on_the_server(app: flask.Flask) -> None:
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache())
    flask_session.Session(app)

    @app.route("/")
    def count() -> str:
        flask.session["n"] = flask.session.get("n", 0) + 1
        return str(flask.session["n"])

    client = app.test_client()
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]


def test_limits_and_proxies(app: flask.Flask) -> None:
    limiter = flask_limiter.Limiter(
        get_remote_address, app=app, default_limits=["2 per hour"], storage_uri="memory://"
    )
    assert limiter.enabled
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)
    app.add_url_rule("/", view_func=lambda: flask.request.remote_addr)
    client = app.test_client()

    def ask(address: str) -> tuple[int, str]:
        answer = client.get("/", headers={"X-Forwarded-For": f"6.6.6.6, {address}"})
        return answer.status_code, answer.text if answer.status_code == 200 else ""

    assert [ask("1.2.3.4") for _ in range(3)] == [(200, "1.2.3.4")] * 2 + [(429, "")]
    assert ask("::1") == (200, "::1")
