"""Radicale, a calendar server: methods, fields and locks that browsers never meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.applications.deployment import PATIENCE_SECONDS, Deployment

pytestmark = [pytest.mark.process, pytest.mark.network]

CONFIGURATION = """
[auth]
type = none
[storage]
filesystem_folder = {folder}
"""
CALENDAR = """<?xml version="1.0"?>
<mkcalendar xmlns="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">
  <D:set><D:prop><D:displayname>Größe &amp; Gewicht</D:displayname></D:prop></D:set>
</mkcalendar>"""
QUERY = """<?xml version="1.0"?>
<calendar-query xmlns="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">
  <D:prop><D:getetag/><calendar-data/></D:prop>
  <filter><comp-filter name="VCALENDAR"><comp-filter name="VEVENT">
    <time-range start="20240105T000000Z" end="20240106T000000Z"/>
  </comp-filter></comp-filter></filter>
</calendar-query>"""


def event(day: int) -> bytes:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//tests//EN",
        "BEGIN:VEVENT",
        f"UID:{day}@calendar.test",
        f"DTSTAMP:202401{day:02}T100000Z",
        f"DTSTART:202401{day:02}T100000Z",
        f"DTEND:202401{day:02}T110000Z",
        f"SUMMARY:Day {day}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join([*lines, ""]).encode()


@pytest.fixture(scope="module")
def radicale(
    deploy: Callable[..., Deployment], tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    state = tmp_path_factory.mktemp("radicale")
    configuration = state / "radicale.conf"
    configuration.write_text(CONFIGURATION.format(folder=state / "collections"))
    return deploy("radicale", state, environ={"RADICALE_CONFIG": str(configuration)})


@pytest.fixture
def client(radicale: Deployment) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=radicale.url, auth=("ada", "x"), timeout=PATIENCE_SECONDS, trust_env=False
    ) as client:
        yield client


def test_calendar(client: httpx.Client) -> None:
    xml = {"Content-Type": "application/xml; charset=utf-8"}
    made = client.request("MKCALENDAR", "/ada/days/", content=CALENDAR.encode(), headers=xml)
    assert made.status_code == 201

    def put(day: int) -> int:
        headers = {"Content-Type": "text/calendar", "If-None-Match": "*"}
        return client.put(f"/ada/days/{day}.ics", content=event(day), headers=headers).status_code

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(put, range(1, 21))) == [201] * 20
    assert put(7) == 412
    found = client.request("PROPFIND", "/ada/days/", headers={"Depth": "1"})
    assert found.status_code == 207
    assert found.text.count(".ics</href>") == 20
    assert "Größe &amp; Gewicht" in found.text
    report = client.request("REPORT", "/ada/days/", content=QUERY, headers={**xml, "Depth": "1"})
    assert report.status_code == 207
    assert "SUMMARY:Day 5" in report.text
    assert "SUMMARY:Day 6" not in report.text
    one = client.get("/ada/days/5.ics")
    assert "SUMMARY:Day 5" in one.text
    head = client.head("/ada/days/5.ics")
    assert (head.headers["ETag"], head.content) == (one.headers["ETag"], b"")
    stale = client.delete("/ada/days/5.ics", headers={"If-Match": '"stale"'})
    assert stale.status_code == 412
    gone = client.delete("/ada/days/5.ics", headers={"If-Match": one.headers["ETag"]})
    assert gone.status_code == 200
    assert client.get("/ada/days/5.ics").status_code == 404
    moved = client.request(
        "MOVE", "/ada/days/6.ics", headers={"Destination": str(client.base_url) + "/ada/days/x.ics"}
    )
    assert moved.status_code == 201
    assert "SUMMARY:Day 6" in client.get("/ada/days/x.ics").text


def test_options(client: httpx.Client) -> None:
    answer = client.options("/")
    assert {"PROPFIND", "REPORT", "MKCALENDAR"} <= set(answer.headers["Allow"].split(", "))
    assert "calendar-access" in answer.headers["DAV"]


def test_broken_xml_is_the_clients_fault(client: httpx.Client) -> None:
    assert client.request("PROPFIND", "/ada/", content=b"<propfind>").status_code == 400
