"""Requests counted, written after the documentation of Flask-Limiter."""

from flask import Blueprint, Flask, jsonify, make_response, request
from flask.views import MethodView
from flask_limiter import Limiter, RequestLimit
from flask_limiter.util import get_remote_address

app = Flask(__name__)


def who():
    return request.headers.get("X-Client") or get_remote_address()


def exceeded(limit: RequestLimit):
    if request.path.startswith("/custom"):
        return make_response(jsonify(limit=str(limit.limit)), 429)
    return None


limiter = Limiter(
    who,
    app=app,
    default_limits=["3 per hour"],
    headers_enabled=True,
    storage_uri="memory://",
    strategy="moving-window",
    on_breach=exceeded,
)


@app.get("/default")
def default():
    return "default"


@app.get("/own/<int:number>")
@limiter.limit("1/hour;10/day", error_message="slower, please")
def own(number):
    return f"own {number}"


@app.get("/exempt")
@limiter.exempt
def exempt():
    return "exempt"


@app.route("/methods", methods=["GET", "POST"])
@limiter.limit("1/hour", methods=["POST"])
def methods():
    return request.method


@app.get("/failures/<int:code>")
@limiter.limit("1/hour", deduct_when=lambda response: response.status_code >= 400)
def failures(code):
    return "failure", code


@app.get("/keyed")
@limiter.limit("1/hour", key_func=lambda: request.args["key"])
def keyed():
    return "keyed"


@app.get("/trusted")
@limiter.limit("1/hour", exempt_when=lambda: "X-Trusted" in request.headers)
def trusted():
    return "trusted"


@app.get("/cost")
@limiter.limit("10/hour", cost=lambda: int(request.args["cost"]))
def cost():
    return "cost"


@app.get("/custom")
@limiter.limit("1/hour")
def custom():
    return "custom"


shared = limiter.shared_limit("2/hour", scope="shared")


@app.get("/shared/a")
@shared
def shared_a():
    return "a"


@app.get("/shared/b")
@shared
def shared_b():
    return "b"


class Item(MethodView):
    decorators = (limiter.limit("2/hour"),)

    def get(self):
        return "got"


app.add_url_rule("/item", view_func=Item.as_view("item"))

api = Blueprint("api", __name__, url_prefix="/api")


@api.get("/<name>")
def call(name):
    return name


limiter.limit("2/hour")(api)
app.register_blueprint(api)


@app.get("/current")
@limiter.limit("5/hour")
def current():
    limit = limiter.current_limit
    return jsonify(limit=str(limit.limit), remaining=limit.remaining, breached=limit.breached)


@app.get("/block")
def block():
    with limiter.limit("1/hour"):
        return "block"


@app.errorhandler(429)
def too_many(error):
    return error.response or (f"too many: {error.description}", 429)
