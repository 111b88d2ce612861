"""The PIN: where it comes from, who can know it, and how often it can be guessed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dovetail.dev.debugger import pins
from dovetail.dev.workshop import Workshop


class Application:
    import_name = "shop"

    def __call__(self, environ: object, start_response: object) -> list[bytes]:
        return []


class Other(Application):
    pass


APPLICATION = Application()
KEY = "dovetail/debugger-key"

IN_ANOTHER_PROCESS = """
from dovetail.dev.debugger import pins
class Application:
    import_name = "shop"
print(*pins.get_pin_and_cookie_name(Application()))
"""
ATTEMPT = "from dovetail.dev.debugger.pins import Attempts; print(Attempts('name').begin())"


def in_another_process(code: str = IN_ANOTHER_PROCESS) -> list[str]:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("chosen", "pin"),
    [
        ("123-456-789", "123-456-789"),
        ("123456789", "123-456-789"),
        ("1-2", "1-2"),
        ("12", "12"),
        ("1234567890", "12345-67890"),
        ("12345678", "1234-5678"),
        ("12345678901234", "12345678901234"),
    ],
)
@pytest.mark.parametrize("variable", ["WERKZEUG_DEBUG_PIN", "DOVETAIL_DEBUG_PIN"])
def test_a_chosen_pin(
    monkeypatch: pytest.MonkeyPatch, variable: str, chosen: str, pin: str
) -> None:
    monkeypatch.setenv(variable, chosen)
    assert pins.get_pin_and_cookie_name(APPLICATION)[0] == pin


def test_ours_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "off")
    monkeypatch.setenv("DOVETAIL_DEBUG_PIN", "42")
    assert pins.get_pin_and_cookie_name(APPLICATION)[0] == "42"


def test_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "off")
    assert pins.get_pin_and_cookie_name(APPLICATION) == (None, None)


@pytest.mark.parametrize("value", ["abc", "OFF", "--", "12a", "٣٤"])
def test_what_is_no_pin_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, lines: list[str], value: str
) -> None:
    own = pins.get_pin_and_cookie_name(APPLICATION)
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", value)
    assert pins.get_pin_and_cookie_name(APPLICATION) == own
    assert lines == [
        "WARNING WERKZEUG_DEBUG_PIN is neither digits nor 'off', so another PIN is used"
    ]


def test_a_pin_of_its_own_stays_the_same(tmp_path: Path) -> None:
    pin, cookie = pins.get_pin_and_cookie_name(APPLICATION)
    assert re.fullmatch(r"\d{3}-\d{3}-\d{3}", pin or "")
    assert re.fullmatch(r"[A-Za-z0-9_]+", cookie or "")
    assert pins.get_pin_and_cookie_name(Application()) == (pin, cookie)
    assert in_another_process() == in_another_process()
    assert (tmp_path / "state" / KEY).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state" / "dovetail").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("missing", ["function", "file system"])
def test_without_hard_links_the_key_is_kept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    place = tmp_path / "other" / "dovetail"
    monkeypatch.setenv("XDG_STATE_HOME", str(place.parent))
    if missing == "function":
        monkeypatch.delattr(os, "link")
    else:
        monkeypatch.setattr(os, "link", refuse)
    own = pins.hash_pin("1")
    assert [file.name for file in place.iterdir()] == ["debugger-key"]
    assert (place / "debugger-key").stat().st_mode & 0o777 == 0o600
    pins._kept_key.cache_clear()
    assert pins.hash_pin("1") == own


def test_a_key_that_another_process_is_about_to_write_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Workshop
) -> None:
    key = tmp_path / "debugger-key"
    key.touch(0o600)
    monkeypatch.setattr("time.sleep", lambda _: key.write_bytes(bytes(range(32))))
    assert pins._read_or_make(key) == bytes(range(32))
    key.write_bytes(b"")
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert pins._read_or_make(key) is None


def test_another_application_has_another() -> None:
    pin, cookie = pins.get_pin_and_cookie_name(APPLICATION)
    others = pins.get_pin_and_cookie_name(Other())
    assert pin not in others
    assert cookie not in others


def test_another_user_has_another_though_all_that_is_known_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin, cookie = pins.get_pin_and_cookie_name(APPLICATION)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    other_pin, other_cookie = pins.get_pin_and_cookie_name(APPLICATION)
    assert pin != other_pin
    assert cookie == other_cookie


@pytest.mark.parametrize("flaw", ["mode", "short", "link", "directory"])
def test_a_key_that_others_may_know_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Workshop, flaw: str
) -> None:
    place = tmp_path / "other" / "dovetail"
    place.mkdir(parents=True)
    key = place / "debugger-key"
    key.write_bytes(bytes(32))
    key.chmod(0o600)
    match flaw:
        case "mode":
            key.chmod(0o640)
        case "short":
            key.write_bytes(bytes(16))
        case "link":
            key.rename(place / "elsewhere")
            key.symlink_to(place / "elsewhere")
        case "directory":
            key.unlink()
            key.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    assert pins.hash_pin("1") == pins.hash_pin("1")
    kept = shop.path / "debugger-key"
    assert kept.stat().st_mode & 0o777 == 0o600, "then the server's own is used"


def test_without_a_place_to_keep_it_all_processes_of_the_server_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    first = in_another_process()
    assert first == in_another_process()


def test_without_any_place_this_process_agrees_with_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Workshop
) -> None:
    (tmp_path / "file").write_text("in the way")
    (shop.path / "debugger-key").mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert pins.hash_pin("1") == pins.hash_pin("1") != pins.hash_pin("2")


def test_a_relative_directory_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    pins.hash_pin("1")
    assert (tmp_path / "home/.local/state" / KEY).is_file()
    assert not (tmp_path / "state").exists()


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", fail)
    assert pins.get_pin_and_cookie_name(APPLICATION)[0]


def test_machine() -> None:
    found = pins.get_machine_id()
    assert found is None or len(found) > 8


# --- checks


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("123-456", True),
        (" 123456 ", True),
        ("1-2-3-4-5-6", True),
        ("123457", False),
        ("", False),
        ("12345", False),
        ("\uff11\uff12\uff13456", False),
    ],
)
def test_pins_are_compared_by_their_digits(given: str, expected: bool) -> None:
    assert pins.is_pin(given, "123-456") is expected


def test_a_ticket_is_good_for_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = pins.make_ticket("123")
    assert pins.check_ticket(ticket, "123") is True
    made = time.time()
    monkeypatch.setattr(time, "time", lambda: made + pins.PIN_TIME - 60)
    assert pins.check_ticket(ticket, "123") is True
    monkeypatch.setattr(time, "time", lambda: made + pins.PIN_TIME + 60)
    assert pins.check_ticket(ticket, "123") is False
    monkeypatch.setattr(time, "time", lambda: made - 3600)
    assert pins.check_ticket(ticket, "123") is False


def test_a_ticket_cannot_be_made_up() -> None:
    stamp, _, signature = pins.make_ticket("123").partition("|")
    later = f"{int(stamp) + 1}|{signature}"
    for forged in (
        later,
        f"{stamp}|",
        f"{stamp}|{'0' * 32}",
        f"{stamp}|{signature[:-1]}",
        f"{stamp}|ä",
    ):
        assert pins.check_ticket(forged, "123") is None
    assert pins.check_ticket(f"{stamp}|{signature}", "124") is None
    for malformed in ("", "|", "x|y", "-1|x", f"{'9' * 5000}|x", "٣|x", stamp):
        assert pins.check_ticket(malformed, "123") is False


# --- attempts


def test_ten_may_be_wrong() -> None:
    attempts = pins.Attempts("name")
    assert [attempts.begin() for _ in range(13)] == [True] * 10 + [False] * 3


def test_a_right_one_starts_anew() -> None:
    attempts = pins.Attempts("name")
    for _ in range(10):
        attempts.begin()
    attempts.reset()
    assert attempts.begin()


def test_each_pin_has_its_own_count() -> None:
    for _ in range(11):
        pins.Attempts("name").begin()
    assert not pins.Attempts("name").begin()
    assert pins.Attempts("other").begin()


def test_the_answer_takes_longer_each_time() -> None:
    attempts = pins.Attempts("name")
    delays = []
    for _ in range(12):
        attempts.begin()
        delays.append(attempts.delay())
    assert delays == sorted(delays)
    assert delays[0] < delays[5] < delays[9] == delays[11]


def test_counts_over_all_processes() -> None:
    answers = [in_another_process(ATTEMPT) for _ in range(4)]
    assert answers == [["True"]] * 4
    assert pins.Attempts("name").count() == 4


def test_guessing_in_parallel_gains_nothing() -> None:
    with ThreadPoolExecutor(16) as pool:
        allowed = list(pool.map(lambda _: pins.Attempts("name").begin(), range(64)))
    assert allowed.count(True) == 10


def test_what_cannot_be_counted_is_not_allowed(shop: Workshop) -> None:
    attempts = pins.Attempts("name")
    assert attempts.begin()
    (file,) = shop.path.glob("pin-attempts-*")
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    file.mkdir()
    assert not attempts.begin()
    assert attempts.count() == attempts.MOST
    attempts.reset()
    shutil.rmtree(file)


def test_a_damaged_count_allows_nothing(shop: Workshop) -> None:
    attempts = pins.Attempts("name")
    attempts.begin()
    (file,) = shop.path.glob("pin-attempts-*")
    file.write_text("what?")
    assert not attempts.begin()
    assert os.path.exists(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_key_that_is_no_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Workshop
) -> None:
    key = tmp_path / "debugger-key"
    os.mkfifo(key, 0o600)
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert pins._read_or_make(key) is None
