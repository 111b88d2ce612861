"""How the example application is put together: settings, secret key, demo data, commands."""

from __future__ import annotations

import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.examples.visitor import PNG, Visitor

from dovetail import App
from magpie import create_app, demo, settings
from magpie.database import get_db


def test_secret_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    first = create_app(instance_path=str(instance))
    assert stat.S_IMODE(instance.stat().st_mode) == 0o700
    path = instance / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.secret_key == path.read_text()
    assert len(path.read_text()) == 64
    assert create_app(instance_path=str(instance)).secret_key == first.secret_key
    assert sorted(os.listdir(instance)) == ["magpie.sqlite", "photos", "secret_key"]


def test_workers_that_start_together_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(settings.read_secret_key, [tmp_path / "secret_key"] * 8))
    assert len(keys) == 1


def test_settings_come_from_the_file_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "magpie.toml").write_text(
        'BOARD_NAME = "Lost at <Sea>"\nITEMS_PER_PAGE = 5\nSECRET_KEY = "from the file"\n'
    )
    monkeypatch.setenv("MAGPIE_ITEMS_PER_PAGE", "7")
    monkeypatch.setenv("MAGPIE_OPEN_REGISTRATION", "false")
    app = create_app({"LOG_LEVEL": "ERROR"}, instance_path=str(tmp_path))
    assert app.secret_key == "from the file"
    assert app.config["ITEMS_PER_PAGE"] == 7
    assert app.config["OPEN_REGISTRATION"] is False
    assert app.logger.level == 40
    assert not (tmp_path / "secret_key").exists()
    assert "Lost at &lt;Sea&gt;</title>" in app.test_client().get("/").text


def test_demo_data_is_made_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        app = create_app(instance_path=str(tmp_path), demo_data=True)
    assert sum("log in as demo" in message for message in caplog.messages) == 1
    assert len(list((tmp_path / "photos").iterdir())) == 7
    client = app.test_client()
    page = client.get("/login").text
    assert demo.PASSWORD in page
    assert "7 items" in client.get("/").text
    visitor = Visitor(app)
    assert visitor.submit("/login", name=demo.NAME, password=demo.PASSWORD).location == "/"
    assert "There is a small bell on the ring." in visitor.get("/items/5").text


def test_no_demo_login_beside_real_users(instance: Path) -> None:
    app = create_app(instance_path=str(instance), demo_data=True)
    assert demo.PASSWORD not in app.test_client().get("/login").text
    visitor = Visitor(app)
    visitor.submit("/login", name=demo.NAME, password=demo.PASSWORD)
    assert visitor.get("/account").status_code == 302


def test_init_db_empties_the_board(app: App, ann: Visitor, instance: Path) -> None:
    ann.post_item(PNG)
    run = app.test_cli_runner().invoke
    refused = run(args=["init-db"], input="n\n")
    assert refused.exit_code == 1
    assert ann.get("/items/1").status_code == 200
    assert run(args=["init-db", "--yes"]).output == "The board is empty.\n"
    assert ann.get("/items/1").status_code == 404
    assert list((instance / "photos").iterdir()) == []
    assert run(args=["init-db", "--yes", "--demo-data"]).output.endswith("demo data.\n")
    assert "7 items" in ann.get("/").text
    assert ann.get("/account").status_code == 302


def test_set_password_of_nobody(app: App) -> None:
    result = app.test_cli_runner().invoke(args=["set-password", "Zoe", "--password", "12345678"])
    assert result.exit_code == 1
    assert "nobody is called 'Zoe'" in result.output


def test_connection_ends_with_its_context(app: App) -> None:
    with app.app_context():
        db = get_db()
        assert get_db() is db
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")
