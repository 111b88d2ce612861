from __future__ import annotations

import dataclasses
import ssl
from pathlib import Path

import pytest

from dovetail.http1.limits import Limits
from dovetail.server.consistency import check_consistency
from dovetail.server.kinds import Flag
from dovetail.server.settings import (
    ENVIRONMENT_PREFIX,
    KEYS,
    SECTIONS,
    SETTINGS,
    Settings,
    SettingsError,
)


def test_the_table_has_every_field_once() -> None:
    assert [field.name for field in dataclasses.fields(Settings)] == list(SETTINGS)
    flags = [flag for row in SETTINGS.values() for flag in (*row.flags, *row.other_flags)]
    assert len(set(flags)) == len(flags)
    assert len(KEYS) == len(SETTINGS) + sum(len(row.other_keys) for row in SETTINGS.values())
    for row in SETTINGS.values():
        assert row.section in SECTIONS
        assert row.help.endswith(".")
        assert row.variable == ENVIRONMENT_PREFIX + row.name.upper()
        assert row.name == "app" or row.flag.startswith("--")


def test_sections_are_in_order() -> None:
    assert list(dict.fromkeys(row.section for row in SETTINGS.values())) == list(SECTIONS)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_default_is_read_back_as_it_is_written(name: str) -> None:
    row = SETTINGS[name]
    assert getattr(Settings(), name) == row.default
    if row.default is None or row.default == ():
        assert row.dump(row.default) == "none"
    else:
        assert row.kind.parse(row.dump(row.default)) == row.default
        assert name == "bind" or row.kind.check(row.default) == row.default


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().workers = 2  # type: ignore[misc]


def test_limits_of_the_engine() -> None:
    assert Settings().request_limits() == Limits()
    mine = Settings(
        limit_request_line=1,
        limit_request_fields=2,
        limit_request_field_size=3,
        limit_request_head=4,
        limit_request_body=0,
    )
    expected = Limits(request_line=1, fields=2, field_size=3, head_size=4, body=None)
    assert mine.request_limits() == expected


PARSED: list[tuple[str, str, object]] = [
    ("workers", "4", 4),
    ("umask", "0", 0),
    ("umask", "022", 0o22),
    ("umask", "0o27", 0o27),
    ("umask", "0x1f", 0x1F),
    ("umask", "18", 18),
    ("keep_alive", "1m", 60.0),
    ("keep_alive", "0", 0.0),
    ("limit_request_body", "1k", 1024),
    ("sendfile", "OFF", False),
    ("sendfile", "1", True),
    ("worker_class", "threads", "threads"),
    ("log_level", "WARNING", "warning"),
    ("cert_reqs", "2", "required"),
    ("access_log", "-", "-"),
    ("access_log", "none", None),
    ("error_log", "none", "none"),
    ("pythonpath", "a, b", ("a", "b")),
    ("ssl_context", "my.tls:make", "my.tls:make"),
    ("user", "1000", "1000"),
]


@pytest.mark.parametrize(("name", "text", "value"), PARSED)
def test_text(name: str, text: str, value: object) -> None:
    parsed = SETTINGS[name].kind.parse(text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("workers", "0", "at least 1"),
        ("workers", "-1", "whole number"),
        ("workers", "+1", "whole number"),
        ("workers", "1_0", "whole number"),
        ("workers", "\u0661", "whole number"),
        ("workers", "2147483648", "at most 2147483647"),
        ("workers", "9" * 5000, "whole number"),
        ("umask", "9x", "0 to 0o777"),
        ("umask", "08", "0 to 0o777"),
        ("umask", "0o1000", "0 to 0o777"),
        ("umask", "-1", "0 to 0o777"),
        ("keep_alive", "169h", "at most 168h"),
        ("keep_alive", "0.0001", "at least 1ms"),
        ("header_timeout", "0", "at least 1ms"),
        ("limit_request_line", "0", "at least 1"),
        ("limit_request_body", "99999999GiB", "at most 1048576GiB"),
        ("sendfile", "maybe", "one of 1, true"),
        ("worker_class", "gevent", "there is threads"),
        ("log_level", "loud", "there is debug, info"),
        ("cert_reqs", "3", "there is none, optional, required"),
        ("access_log", "", "give some text"),
        ("pidfile", "a\0b", "give some text"),
        ("bind", ",", "HOST:PORT"),
        ("pythonpath", "a,,b", "give some text"),
        ("ssl_context", "make", "MODULE:ATTR"),
        ("ssl_context", "a:b()", "MODULE:ATTR"),
    ],
)
def test_wrong_text(name: str, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        SETTINGS[name].kind.parse(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("workers", 4, 4),
        ("umask", "022", 0o22),
        ("keep_alive", 2, 2.0),
        ("keep_alive", 0.5, 0.5),
        ("keep_alive", "2s", 2.0),
        ("body_buffer", 10, 10),
        ("body_buffer", "1k", 1024),
        ("user", 1000, "1000"),
        ("cert_reqs", ssl.CERT_REQUIRED, "required"),
        ("pidfile", Path("x.pid"), "x.pid"),
        ("pythonpath", ["a", "b,c"], ("a", "b,c")),
        ("sendfile", False, False),
        ("ssl_context", ssl.create_default_context, ssl.create_default_context),
    ],
)
def test_typed_values(name: str, value: object, result: object) -> None:
    assert SETTINGS[name].kind.check(value) == result


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("workers", True, "True is a bool; allowed is a whole number"),
        ("workers", "4", "'4' is a str"),
        ("workers", 4.0, "is a float"),
        ("workers", 10**30, "at most"),
        ("umask", 0o1000, "0 to 0o777"),
        ("umask", True, "is a bool"),
        ("keep_alive", False, "is a bool"),
        ("keep_alive", float("nan"), "out of range"),
        ("keep_alive", float("inf"), "out of range"),
        ("keep_alive", -1, "out of range"),
        ("body_buffer", 1.5, "is a float"),
        ("body_buffer", -1, "at least 0"),
        ("sendfile", 1, "allowed is true or false"),
        ("sendfile", "true", "allowed is true or false"),
        ("worker_class", 1, "is a int"),
        ("user", True, "allowed is text"),
        ("app", print, "allowed is text"),
        ("bind", 8000, "a list of texts"),
        ("bind", [], "not empty"),
        ("bind", ["localhost", 1], "1 is a int"),
        ("ssl_context", 1, "MODULE:ATTR"),
        ("chdir", ["x" * 500], r"\.\.\. is a list"),
    ],
)
def test_wrongly_typed_values(name: str, value: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        SETTINGS[name].kind.check(value)


def test_paths_start_at_the_directory(tmp_path: Path) -> None:
    def anchored(name: str, value: object) -> object:
        return SETTINGS[name].kind.anchor(value, tmp_path)

    assert anchored("pidfile", "run/x.pid") == f"{tmp_path}/run/x.pid"
    assert anchored("pidfile", "/run/x.pid") == "/run/x.pid"
    assert anchored("pidfile", None) is None
    assert anchored("chdir", ".") == str(tmp_path)
    assert anchored("pidfile", "~") == str(Path.home())
    assert anchored("pythonpath", ("a", "/b")) == (f"{tmp_path}/a", "/b")
    assert anchored("access_log", "-") == "-"
    assert anchored("access_log", "a.log") == f"{tmp_path}/a.log"


def test_a_callable_is_written_as_where_it_is_defined() -> None:
    kind = SETTINGS["ssl_context"].kind
    assert kind.dump(ssl.create_default_context) == "ssl:create_default_context"


def test_switches_can_be_switched_off() -> None:
    switches = {name for name, row in SETTINGS.items() if isinstance(row.kind, Flag)}
    assert switches == {"compat", "preload_app", "stream_input", "sendfile"}
    assert SETTINGS["sendfile"].off_flag == "--no-sendfile"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (Settings(keyfile="k"), "keyfile .*needs certfile"),
        (Settings(ca_certs="c", cert_reqs="required"), "ca_certs .*needs certfile"),
        (Settings(cert_reqs="required"), "cert_reqs .*needs certfile"),
        (Settings(ciphers="HIGH"), "ciphers .*needs certfile"),
        (Settings(certfile="c", cert_reqs="optional"), "cert_reqs .*needs ca_certs"),
        (Settings(certfile="c", ca_certs="c"), "ca_certs .*no effect without cert_reqs"),
        (Settings(ssl_context="a:b", certfile="c"), "certfile .*does not go with ssl_context"),
        (Settings(ssl_context="a:b", ciphers="HIGH"), "ciphers .*does not go with ssl_context"),
        (Settings(chdir="/nowhere"), "chdir .*'/nowhere' is not a directory"),
        (Settings(tmp_upload_dir="/nowhere"), "tmp_upload_dir .*is not a directory"),
        (
            Settings(limit_request_field_size=70000),
            r"limit_request_field_size .*70000 is more than limit_request_head \(64KiB\)",
        ),
        (
            Settings(response_memory=1 << 20),
            r"response_buffer .*8MiB is more than response_memory \(1MiB\)",
        ),
        (Settings(bind=(*Settings().bind, *Settings().bind)), "bind .*127.0.0.1:8000 is there 2"),
    ],
)
def test_settings_that_do_not_go_together(settings: Settings, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        check_consistency(settings, {})


def test_settings_that_go_together() -> None:
    port_0 = SETTINGS["bind"].kind.parse("127.0.0.1:0,127.0.0.1:0,unix:a")
    for settings in (
        Settings(),
        Settings(bind=port_0),
        Settings(certfile="c"),
        Settings(certfile="c", keyfile="k", ca_certs="a", cert_reqs="required", ciphers="HIGH"),
        Settings(ssl_context="a:b"),
    ):
        check_consistency(settings, {})


def test_the_message_says_where_the_value_came_from() -> None:
    with pytest.raises(SettingsError) as caught:
        check_consistency(Settings(keyfile="k"), {"keyfile": "environment DOVETAIL_SERVE_KEYFILE"})
    assert str(caught.value).startswith("keyfile (environment DOVETAIL_SERVE_KEYFILE): ")
