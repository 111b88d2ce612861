"""Flask-Babel: languages and time zones chosen for each request, translations, formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


def write_translations(directory: Path, language: str, words: list[dict[str, Any]]) -> None:
    catalog = Catalog(locale=language)
    for word in words:
        catalog.add(**word)
    path = directory / language / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalog)


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site], tmp_path_factory: pytest.TempPathFactory) -> Site:
    state = tmp_path_factory.mktemp("babel")
    german: list[dict[str, Any]] = [
        {"id": "Good evening", "string": "Guten Abend"},
        {"id": "Hello %(name)s!", "string": "Grüß dich, %(name)s!"},
        {"id": ("%(num)s apple", "%(num)s apples"), "string": ("%(num)s Apfel", "%(num)s Äpfel")},
        {"id": ("%(count)s apple", "%(count)s apples"), "string": ("%(count)s Apfel", "Äpfel")},
        {"id": "May", "string": "Mai", "context": "month"},
    ]
    write_translations(state / "translations", "de", german)
    french = [{"id": "Good evening", "string": "Bonsoir"}]
    write_translations(state / "translations", "fr", french)
    return serve("babel_app", SITE_STATE=str(state))


def test_the_language_of_the_request(browser: Browser) -> None:
    for accepted, chosen in (
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("ru, fr;q=0.2", "fr"),
        ("ru", "en"),
    ):
        answer = browser.get("/locale", headers={"Accept-Language": accepted}).json()
        assert answer["locale"] == chosen
    assert browser.get("/locale?language=de_CH&zone=Europe/Vienna").json() == {
        "locale": "de_CH",
        "zone": "Europe/Vienna",
        "translations": ["de", "en", "fr"],
    }


def test_translations(browser: Browser) -> None:
    assert browser.get("/words?language=de").json() == {
        "plain": "Guten Abend",
        "filled": "Grüß dich, Bob!",
        "plural": ["1 Apfel", "3 Äpfel"],
        "context": "Mai",
        "plural_in_context": "2 Mays",
        "lazy": "Grüß dich, Ada!",
        "unknown": "never translated",
    }


def test_without_translations(browser: Browser) -> None:
    words = browser.get("/words?language=en").json()
    assert (words["plain"], words["plural"]) == ("Good evening", ["1 apple", "3 apples"])
    assert words["lazy"] == "Hello Ada!"


def test_templates(browser: Browser) -> None:
    assert browser.get("/page?language=de").text.split("|") == [
        "Guten Abend",
        "Grüß dich, &lt;b&gt;!",
        "Äpfel",
        "29.02.2024",
        "1.234,5",
        "Grüß dich, Ada!",
    ]
    english = browser.get("/page?language=en").text.split("|")
    assert english[1:5] == ["Hello &lt;b&gt;!", "2 apples", "Feb 29, 2024", "1,234.5"]


def test_dates(browser: Browser) -> None:
    german = browser.get("/dates?language=de&zone=Europe/Vienna").json()
    assert german["day"] == "Donnerstag, 29. Februar 2024"
    assert german["own"] == "Donnerstag, 2024"
    assert german["moment"] == "29.02.24, 19:05"
    assert german["time"] == "19:05"
    assert german["ago"] == "vor 2 Tagen"
    assert german["local"] == "2024-02-29T19:05:07+01:00"
    assert german["utc"] == "2024-02-29T17:05:07"


def test_numbers(browser: Browser) -> None:
    german = browser.get("/numbers?language=de").json()
    assert german == {
        "decimal": "1.234.567,891",
        "currency": "12,50\xa0€",
        "percent": "25,6%",
        "scientific": "1,2E4",
    }
    assert browser.get("/numbers?language=en").json()["currency"] == "€12.50"


def test_force_and_refresh(browser: Browser) -> None:
    words = browser.get("/forced", headers={"Accept-Language": "en"}).json()
    assert words == ["Good evening", "Bonsoir", "Good evening", "Guten Abend"]
    # What was forced ended with its request.
    after = browser.get("/words", headers={"Accept-Language": "en"}).json()
    assert after["plain"] == "Good evening"
