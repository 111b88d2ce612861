"""Pets as an API with a description, written after the documentation of flask-smorest."""

import marshmallow as ma
from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint, Page, abort
from flask_smorest.fields import Upload

app = Flask(__name__)
app.config.update(
    API_TITLE="Pets",
    API_VERSION="v1",
    OPENAPI_VERSION="3.0.2",
    OPENAPI_URL_PREFIX="/docs",
    OPENAPI_JSON_PATH="api-spec.json",
    OPENAPI_SWAGGER_UI_PATH="/swagger",
    OPENAPI_SWAGGER_UI_URL="/swagger-files/",
    OPENAPI_REDOC_PATH="/redoc",
    OPENAPI_REDOC_URL="/redoc.js",
)
api = Api(app)
pets = {}


class PetSchema(ma.Schema):
    id = ma.fields.Int(dump_only=True)
    name = ma.fields.String(required=True, validate=ma.validate.Length(max=10))
    born = ma.fields.Date(allow_none=True)
    tags = ma.fields.List(ma.fields.String())


class PetQuerySchema(ma.Schema):
    name = ma.fields.String()
    sort = ma.fields.String(validate=ma.validate.OneOf(["id", "name"]), load_default="id")


class CursorPage(Page):
    @property
    def item_count(self):
        return len(self.collection)


blueprint = Blueprint("pets", "pets", url_prefix="/pets", description="Operations on pets")


@blueprint.route("/")
class Pets(MethodView):
    @blueprint.etag
    @blueprint.arguments(PetQuerySchema, location="query")
    @blueprint.response(200, PetSchema(many=True))
    @blueprint.paginate(CursorPage, page_size=5, max_page_size=8)
    def get(self, args):
        """List pets

        In the order that is asked for.
        """
        found = [pet for pet in pets.values() if args.get("name") in (None, pet["name"])]
        return sorted(found, key=lambda pet: pet[args["sort"]])

    @blueprint.etag
    @blueprint.arguments(PetSchema)
    @blueprint.response(201, PetSchema)
    @blueprint.alt_response(409, description="There is one")
    def post(self, new):
        """Add a pet"""
        if any(pet["name"] == new["name"] for pet in pets.values()):
            abort(409, message="There is one", errors={"name": new["name"]}, headers={"X-Why": "1"})
        pets[len(pets)] = {"id": len(pets), **new}
        return pets[len(pets) - 1]


@blueprint.route("/<int:key>")
class Pet(MethodView):
    @blueprint.etag
    @blueprint.response(200, PetSchema)
    def get(self, key):
        """Show a pet"""
        return find(key)

    @blueprint.etag
    @blueprint.arguments(PetSchema)
    @blueprint.response(200, PetSchema)
    def put(self, new, key):
        """Change a pet"""
        pet = find(key)
        blueprint.check_etag(pet, PetSchema)
        pet.update(new)
        return pet

    @blueprint.etag
    @blueprint.response(204)
    def delete(self, key):
        """Remove a pet"""
        blueprint.check_etag(find(key), PetSchema)
        del pets[key]


def find(key):
    if key not in pets:
        abort(404, message=f"No pet {key}")
    return pets[key]


class MultipartSchema(ma.Schema):
    photo = Upload()


@blueprint.route("/photo", methods=["POST"])
@blueprint.arguments(MultipartSchema, location="files")
@blueprint.response(201)
def photo(files):
    return {"size": len(files["photo"].read()), "name": files["photo"].filename}


api.register_blueprint(blueprint)


@app.get("/broken")
def broken():
    raise RuntimeError("broken")
