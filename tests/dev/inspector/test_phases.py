from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.dev.inspector.phases import NAMES, divide
from dovetail.gateway.record import RequestRecord


def record_of(*marks: tuple[str, float]) -> RequestRecord:
    """A request whose head arrives at 100, its content at 101, and that is called at 103."""
    record = RequestRecord()
    record.received, record.complete = 100.0, 101.0
    record.called = 103.0
    record.marks = list(marks)
    return record


def seconds(record: RequestRecord, finished: float = 110.0) -> dict[str, float]:
    return {timing.name: timing.milliseconds / 1000 for timing in divide(record, finished)}


def test_a_request_of_the_framework() -> None:
    record = record_of(
        ("matched", 104.0),
        ("rendering", 105.0),
        ("rendered", 107.0),
        ("responding", 108.0),
        ("returned", 109.0),
    )
    assert seconds(record) == {
        "body": 1,
        "queue": 2,
        "routing": 1,
        "view": 3,
        "template": 2,
        "write": 1,
    }


def test_another_application_has_one_phase() -> None:
    record = record_of(("responding", 105.0), ("returned", 106.0))
    assert seconds(record) == {"body": 1, "queue": 2, "application": 3, "write": 4}


def test_a_generator_that_begins_when_it_is_read() -> None:
    """Debuggers, among others, have done nothing when they return."""
    record = record_of(("returned", 103.0), ("matched", 104.0), ("responding", 108.0))
    assert seconds(record) == {"body": 1, "queue": 2, "routing": 1, "view": 4, "write": 2}


def test_a_streamed_template_is_rendered_while_it_is_sent() -> None:
    record = record_of(
        ("matched", 104.0),
        ("rendering", 105.0),
        ("responding", 106.0),
        ("returned", 107.0),
        ("rendered", 109.0),
    )
    assert seconds(record) == {
        **{"body": 1, "queue": 2, "routing": 1, "view": 1, "template": 2, "write": 3}
    }


def test_a_template_in_a_template_is_not_counted_twice() -> None:
    record = record_of(
        ("matched", 103.0),
        ("rendering", 104.0),
        ("rendering", 105.0),
        ("rendered", 106.0),
        ("rendered", 107.0),
        ("responding", 108.0),
        ("returned", 108.0),
    )
    assert seconds(record) == {"body": 1, "queue": 2, "view": 2, "template": 3, "write": 2}


def test_an_exception_ends_view_and_template() -> None:
    record = record_of(("matched", 104.0), ("rendering", 105.0), ("failed", 106.0))
    assert seconds(record) == {
        **{"body": 1, "queue": 2, "routing": 1, "view": 1, "template": 1, "error page": 4}
    }


def test_the_page_about_an_error_may_be_a_template() -> None:
    record = record_of(
        ("matched", 103.0),
        ("failed", 104.0),
        ("rendering", 105.0),
        ("rendered", 107.0),
        ("responding", 108.0),
        ("returned", 108.0),
    )
    assert seconds(record) == {
        **{"body": 1, "queue": 2, "view": 1, "error page": 2, "template": 2, "write": 2}
    }


def test_an_application_in_an_application_goes_on_where_the_outer_one_is() -> None:
    record = record_of(
        ("matched", 104.0), ("matched", 105.0), ("responding", 106.0), ("returned", 107.0)
    )
    assert seconds(record) == {"body": 1, "queue": 2, "routing": 1, "view": 3, "write": 3}


@pytest.mark.parametrize(
    ("complete", "expected"), [(0.0, {"queue": 3}), (107.0, {"body": 3}), (99.0, {"queue": 3})]
)
def test_content_that_is_not_there_before_the_call(
    complete: float, expected: dict[str, float]
) -> None:
    record = record_of()
    record.complete, record.marks = complete, None
    assert seconds(record) == {**expected, "application": 7}


def test_without_content_all_is_waiting() -> None:
    found = divide(record_of(), 110.0, content=False)
    assert [(timing.name, timing.milliseconds) for timing in found][:1] == [("queue", 3000)]


def test_nothing_is_known() -> None:
    assert divide(RequestRecord(), 110.0) == []


moments = st.floats(min_value=90, max_value=120)
names = st.sampled_from(["matched", "rendering", "rendered", "failed", "responding", "returned"])


@given(st.lists(st.tuples(names, moments), max_size=12), moments, moments, moments, moments)
def test_the_phases_are_all_the_time_and_nothing_twice(
    marks: list[tuple[str, float]], received: float, complete: float, called: float, end: float
) -> None:
    record = RequestRecord()
    record.received, record.complete, record.called = received, complete, called
    record.marks = marks
    found = divide(record, end)
    assert all(timing.milliseconds > 0 for timing in found)
    assert [timing.name for timing in found] == [
        name for name in NAMES if name in {timing.name for timing in found}
    ]
    whole = end - min(received, called, end)
    assert sum(timing.milliseconds for timing in found) == pytest.approx(whole * 1000, abs=1e-6)
