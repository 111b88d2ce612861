"""Slow answers kept, written after the documentation of Flask-Caching."""

import itertools
import os

from flask import Blueprint, Flask, jsonify, render_template_string, request
from flask.views import View
from flask_caching import Cache

app = Flask(__name__)
app.config.update(
    CACHE_TYPE="FileSystemCache",
    CACHE_DIR=os.path.join(os.environ["SITE_STATE"], "cache"),
    CACHE_DEFAULT_TIMEOUT=300,
    CACHE_KEY_PREFIX="tests:",
)
cache = Cache(app)
counter = itertools.count(1)


@app.get("/view/<name>")
@cache.cached(timeout=50)
def view(name):
    return f"{name} {next(counter)}", 200, {"X-Made": "here"}


@app.get("/query")
@cache.cached(query_string=True)
def query():
    return jsonify(request.args.to_dict(flat=False), next(counter))


@app.get("/unless")
@cache.cached(key_prefix="unless", unless=lambda: "fresh" in request.args)
def unless():
    return str(next(counter))


@app.get("/filtered/<int:code>")
@cache.cached(response_filter=lambda answer: answer[1] == 200)
def filtered(code):
    return str(next(counter)), code


@app.post("/hashed")
@cache.cached(make_cache_key=lambda *a, **k: f"hashed-{request.get_json()['id']}")
def hashed():
    return jsonify(request.get_json(), next(counter))


@app.get("/headed")
@cache.cached(response_hit_indication=True)
def headed():
    return str(next(counter))


@cache.memoize(60)
def add(a, b=1):
    return [a + b, next(counter)]


class Person:
    def __init__(self, key):
        self.key = key

    def __repr__(self):
        return f"Person({self.key})"

    @cache.memoize(60)
    def name(self, upper=False):
        return ["ADA" if upper else "ada", next(counter)]


@app.get("/add/<int:a>")
def show_add(a):
    return jsonify(add(a, **{name: int(value) for name, value in request.args.items()}))


@app.get("/person/<int:key>")
def person(key):
    return jsonify(Person(key).name(), Person(key).name(upper=True))


@app.post("/forget/<what>")
def forget(what):
    match what:
        case "add":
            cache.delete_memoized(add)
        case "add-one":
            cache.delete_memoized(add, int(request.args["a"]))
        case "view":
            cache.delete(f"view//view/{request.args['name']}")
        case _:
            cache.clear()
    return "", 204


@app.get("/page")
def page():
    return render_template_string(
        "{% cache 60, 'part' %}{{ number() }}{% endcache %} {{ number() }}",
        number=lambda: next(counter),
    )


class Cached(View):
    decorators = (cache.cached(timeout=50),)

    def dispatch_request(self, rest):
        return f"{rest} {next(counter)}"


blueprint = Blueprint("sub", __name__, url_prefix="/sub")
blueprint.add_url_rule("/<path:rest>", view_func=Cached.as_view("cached"))
app.register_blueprint(blueprint)


@app.route("/values/<key>", methods=["GET", "PUT"])
def values(key):
    if request.method == "PUT":
        cache.set_many({key: request.get_data(), f"{key} length": request.content_length})
        return "", 204
    return jsonify(str(cache.get(key)), cache.get(f"{key} length"), cache.has(key))
