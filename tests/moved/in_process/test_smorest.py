"""flask-smorest, webargs and marshmallow: an interface that documents itself by its rules."""

from __future__ import annotations

import io
from typing import Any

import flask
import marshmallow
import pytest
from flask.testing import FlaskClient
from flask.views import MethodView
from flask_smorest import Api, Blueprint, abort
from flask_smorest.fields import Upload

PETS = [{"id": number, "name": f"pet {number}"} for number in range(30)]


class PetSchema(marshmallow.Schema):
    id = marshmallow.fields.Int(dump_only=True)
    name = marshmallow.fields.Str(required=True)


class Query(marshmallow.Schema):
    tags = marshmallow.fields.List(marshmallow.fields.Int())


class Picture(marshmallow.Schema):
    file = Upload(required=True)


@pytest.fixture
def client() -> FlaskClient:
    app = flask.Flask(__name__)
    app.config.update(
        API_TITLE="Pets", API_VERSION="1", OPENAPI_VERSION="3.0.3", OPENAPI_URL_PREFIX="/"
    )
    blueprint = Blueprint("pets", __name__, url_prefix="/pets")

    @blueprint.route("/")
    class Pets(MethodView):
        @blueprint.arguments(Query, location="query")
        @blueprint.response(200, PetSchema(many=True))
        @blueprint.paginate()
        def get(self, query: Any, pagination_parameters: Any) -> Any:
            pagination_parameters.item_count = len(PETS)
            return PETS[pagination_parameters.first_item : pagination_parameters.last_item + 1]

        @blueprint.arguments(PetSchema)
        @blueprint.response(201, PetSchema)
        def post(self, pet: Any) -> Any:
            return {"id": 99, **pet}

    @blueprint.route("/<int(min=1):number>")
    class Pet(MethodView):
        @blueprint.etag
        @blueprint.response(200, PetSchema)
        def get(self, number: int) -> Any:
            return PETS[number] if number < len(PETS) else abort(404, message="no such pet")

        @blueprint.etag
        @blueprint.arguments(PetSchema)
        @blueprint.response(200, PetSchema)
        def put(self, pet: Any, number: int) -> Any:
            blueprint.check_etag(PETS[number], PetSchema)
            return {**PETS[number], **pet}

    @blueprint.route("/<uuid:key>/<any(small, large):size>/<float(max=9):zoom>", methods=["POST"])
    @blueprint.arguments(Picture, location="files")
    @blueprint.response(201)
    def upload(files: Any, **values: Any) -> Any:
        return {"file": files["file"].filename, "zoom": values["zoom"]}

    Api(app).register_blueprint(blueprint)
    return app.test_client()


def test_the_document_made_of_the_rules(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert list(document["paths"]) == [
        "/pets/",
        "/pets/{number}",
        "/pets/{key}/{size}/{zoom}",
    ]
    number = document["paths"]["/pets/{number}"]["parameters"][0]
    assert number["schema"] == {"type": "integer", "minimum": 1}
    others = document["paths"]["/pets/{key}/{size}/{zoom}"]["parameters"]
    assert {one["name"]: one["schema"] for one in others} == {
        "key": {"type": "string", "format": "uuid"},
        "size": {"type": "string", "enum": ["small", "large"]},
        "zoom": {"type": "number", "minimum": 0, "maximum": 9},
    }


def test_pages_and_arguments(client: FlaskClient) -> None:
    page = client.get("/pets/?page=2&page_size=3&tags=1&tags=2")
    assert [pet["id"] for pet in page.json] == [3, 4, 5]
    assert '"next_page": 3' in page.headers["X-Pagination"]
    wrong = client.get("/pets/?tags=1&tags=x")
    assert (wrong.status_code, wrong.json["errors"]["query"]["tags"].keys()) == (422, {"1"})
    assert client.get("/pets/0").status_code == 404
    assert client.get("/pets/77").json["message"] == "no such pet"
    assert client.get("/pets").location == "http://localhost/pets/"


def test_entity_tags(client: FlaskClient) -> None:
    etag = client.get("/pets/3").headers["ETag"]
    assert client.get("/pets/3", headers={"If-None-Match": etag}).status_code == 304
    pet = {"name": "x"}
    assert client.put("/pets/3", json=pet).status_code == 428
    assert client.put("/pets/3", json=pet, headers={"If-Match": '"other"'}).status_code == 412
    changed = client.put("/pets/3", json=pet, headers={"If-Match": etag})
    assert (changed.status_code, changed.json) == (200, {"id": 3, "name": "x"})


def test_bodies(client: FlaskClient) -> None:
    assert client.post("/pets/", json={"name": "x"}).json == {"id": 99, "name": "x"}
    assert client.post("/pets/", json={}).json["errors"]["json"].keys() == {"name"}
    broken = client.post("/pets/", data="{", content_type="application/json")
    assert broken.status_code == 400
    upload = client.post(
        "/pets/12345678-1234-5678-1234-567812345678/large/1.5",
        data={"file": (io.BytesIO(b"x"), "ä.png")},
    )
    assert (upload.status_code, upload.json) == (201, {"file": "ä.png", "zoom": 1.5})
