"""Pages in the reader's language, written after the documentation of Flask-Babel."""

import datetime
import os
from decimal import Decimal

from flask import Flask, g, jsonify, render_template_string, request
from flask_babel import (
    Babel,
    force_locale,
    format_currency,
    format_date,
    format_datetime,
    format_decimal,
    format_percent,
    format_scientific,
    format_time,
    format_timedelta,
    get_locale,
    get_timezone,
    gettext,
    lazy_gettext,
    ngettext,
    npgettext,
    pgettext,
    refresh,
    to_user_timezone,
    to_utc,
)

app = Flask(__name__)
app.config.update(
    BABEL_DEFAULT_LOCALE="en",
    BABEL_DEFAULT_TIMEZONE="UTC",
    BABEL_TRANSLATION_DIRECTORIES=os.path.join(os.environ["SITE_STATE"], "translations"),
)
moment = datetime.datetime(2024, 2, 29, 18, 5, 7)
title = lazy_gettext("Hello %(name)s!", name="Ada")


def choose_locale():
    chosen = request.args.get("language") or getattr(g, "language", None)
    return chosen or request.accept_languages.best_match(["de", "fr", "en"])


def choose_timezone():
    return request.args.get("zone")


babel = Babel(app, locale_selector=choose_locale, timezone_selector=choose_timezone)


@app.get("/locale")
def locale():
    return jsonify(
        locale=str(get_locale()),
        zone=str(get_timezone()),
        translations=sorted({str(one) for one in babel.list_translations()}),
    )


@app.get("/words")
def words():
    return jsonify(
        plain=gettext("Good evening"),
        filled=gettext("Hello %(name)s!", name="Bob"),
        plural=[ngettext("%(num)s apple", "%(num)s apples", number) for number in (1, 3)],
        context=pgettext("month", "May"),
        plural_in_context=npgettext("month", "%(num)s May", "%(num)s Mays", 2),
        lazy=str(title),
        unknown=gettext("never translated"),
    )


@app.get("/page")
def page():
    return render_template_string(
        "{{ _('Good evening') }}|{% trans name='<b>' %}Hello {{ name }}!{% endtrans %}|"
        "{% trans count=2 %}{{ count }} apple{% pluralize %}{{ count }} apples{% endtrans %}|"
        "{{ day|dateformat }}|{{ number|decimalformat }}|{{ title }}",
        day=moment.date(),
        number=1234.5,
        title=title,
    )


@app.get("/dates")
def dates():
    return jsonify(
        day=format_date(moment.date(), "full"),
        own=format_datetime(moment, "EEEE, yyyy"),
        moment=format_datetime(moment, "short"),
        time=format_time(moment, "HH:mm"),
        ago=format_timedelta(datetime.timedelta(days=-2), add_direction=True),
        local=to_user_timezone(moment).isoformat(),
        utc=to_utc(moment).isoformat(),
    )


@app.get("/numbers")
def numbers():
    return jsonify(
        decimal=format_decimal(Decimal("1234567.891")),
        currency=format_currency(12.5, "EUR"),
        percent=format_percent(0.256, format="#,##0.0%"),
        scientific=format_scientific(12000),
    )


@app.get("/forced")
def forced():
    before = gettext("Good evening")
    with force_locale("fr"):
        inside = gettext("Good evening")
    g.language = "de"
    kept = gettext("Good evening")
    refresh()
    return jsonify([before, inside, kept, gettext("Good evening")])
