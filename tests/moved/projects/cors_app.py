"""An API for other origins, written after the documentation of flask-cors."""

import logging

from flask import Blueprint, Flask, abort, jsonify, make_response
from flask_cors import CORS, cross_origin

app = Flask(__name__)
app.config["CORS_MAX_AGE"] = 600
logging.getLogger("flask_cors").level = logging.DEBUG

CORS(
    app,
    resources={
        r"/api/*": {
            "origins": ["https://one.example", r"https://.*\.two\.example"],
            "supports_credentials": True,
            "expose_headers": ["X-Count", "ETag"],
            "allow_headers": ["X-Token", "Content-Type"],
            "methods": ["GET", "PUT"],
        },
        r"/public/*": {"origins": "*"},
        r"/vary/*": {"origins": "*", "send_wildcard": True, "vary_header": True},
    },
)


@app.route("/api/items", methods=["GET", "PUT", "DELETE"])
def items():
    return jsonify([1, 2]), 200, {"X-Count": "2"}


@app.get("/api/broken")
def broken():
    raise RuntimeError("broken")


@app.get("/api/denied")
def denied():
    abort(403)


@app.get("/public/items")
def public():
    return "public"


@app.get("/vary/items")
def vary():
    response = make_response("vary")
    response.vary.add("Accept")
    return response


@app.get("/none")
def none():
    return "none"


@app.route("/decorated", methods=["GET", "POST"])
@cross_origin(origins="https://three.example", max_age=5, always_send=False)
def decorated():
    return "decorated"


blueprint = Blueprint("shop", __name__, url_prefix="/shop")
CORS(blueprint, origins=["https://shop.example"], intercept_exceptions=True)


@blueprint.get("/goods")
def goods():
    return "goods"


app.register_blueprint(blueprint)
