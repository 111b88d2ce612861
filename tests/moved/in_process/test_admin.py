"""Flask-Admin: forms, lists with filters, exports and uploads of an administration."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from flask_admin import Admin
from flask_admin.contrib.fileadmin import FileAdmin
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy


class UserView(ModelView):
    column_searchable_list = ("name",)
    column_filters = ("mail",)
    column_editable_list = ("name",)
    can_export = True


@pytest.fixture
def client(tmp_path: Path) -> Any:
    app = flask.Flask(__name__)
    app.config.update(SECRET_KEY="only for tests", SQLALCHEMY_DATABASE_URI="sqlite://")
    Babel(app)
    database = SQLAlchemy(app)

    class User(database.Model):
        id = database.Column(database.Integer, primary_key=True)
        name = database.Column(database.String(20))
        mail = database.Column(database.String(20))

    admin = Admin(app)
    admin.add_view(UserView(User, database))
    (tmp_path / "a.txt").write_text("hello")
    admin.add_view(FileAdmin(str(tmp_path), name="Files"))
    with app.app_context():
        database.create_all()
        database.session.add_all(User(name=f"name{n}", mail=f"{n}@x") for n in range(2))
        database.session.commit()
        yield app.test_client()
        database.session.remove()
        database.engine.dispose()


def test_records(client: FlaskClient) -> None:
    slash = client.get("/admin")
    assert (slash.status_code, slash.location) == (308, "http://localhost/admin/")
    done = client.post("/admin/user/new/?url=%2Fadmin%2Fuser%2F%3Fa%3D1", data={"name": "ä b"})
    assert (done.status_code, done.location) == (302, "/admin/user/?a=1")
    found = client.get("/admin/user/?search=name&sort=1&flt0_0=1%40x").text
    assert ("name1" in found, "name0" in found, "ä b" in found) == (True, False, False)
    edited = client.post("/admin/user/ajax/update/", data={"list_form_pk": "1", "name": "zoe"})
    assert edited.status_code == 200
    chosen = {"action": "delete", "rowid": ["2", "3"]}
    after = client.post("/admin/user/action/", data=chosen, follow_redirects=True)
    assert "2 records were successfully deleted" in after.text
    export = client.get("/admin/user/export/csv/")
    assert export.mimetype == "text/csv"
    assert export.headers["Content-Disposition"].startswith("attachment;filename=User_")
    assert export.text.splitlines()[1:] == ["zoe,0@x"]


def test_files(client: FlaskClient, tmp_path: Path) -> None:
    with client.get("/admin/fileadmin/download/a.txt") as download:
        assert download.text == "hello"
    upload = {"upload": (io.BytesIO(b"up"), "../b c.txt")}
    listed = client.post("/admin/fileadmin/upload/", data=upload, follow_redirects=True)
    assert "b_c.txt" in listed.text
    assert (tmp_path / "b_c.txt").read_bytes() == b"up"
    with client.get("/admin/static/admin/css/bootstrap4/admin.css") as styles:
        assert (styles.status_code, styles.mimetype) == (200, "text/css")
