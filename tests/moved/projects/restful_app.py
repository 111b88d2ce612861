"""Tasks as an API, written after the documentation of Flask-RESTful."""

import csv
import datetime
import io
import json

from flask import Blueprint, Flask, make_response, request
from flask_restful import (
    Api,
    Resource,
    abort,
    fields,
    inputs,
    marshal,
    marshal_with,
    marshal_with_field,
    reqparse,
)
from werkzeug.datastructures import FileStorage

app = Flask(__name__)
app.config["BUNDLE_ERRORS"] = True
started = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.UTC)
tasks = {1: {"task": "build an API", "done": False, "tags": ["a", "b"], "owner": None}}


class Priority(fields.Raw):
    def format(self, value):
        return "urgent" if value > 5 else "normal"


task_fields = {
    "task": fields.String(default="nothing"),
    "done": fields.Boolean,
    "uri": fields.Url("task", absolute=True),
    "path": fields.Url("task"),
    "made": fields.DateTime(dt_format="iso8601"),
    "mailed": fields.DateTime(dt_format="rfc822"),
    "priority": Priority(attribute="rank", default="none"),
    "tags": fields.List(fields.String),
    "owner": fields.Nested({"name": fields.String}, allow_null=True),
    "line": fields.FormattedString("{key}: {task}"),
}


def named(value, name):
    if value != value.strip():
        raise ValueError(f"{name} has blanks around it: {value!r}")
    return value


parser = reqparse.RequestParser()
parser.add_argument("task", type=named, required=True, help="What is to be done: {error_msg}")
parser.add_argument("rank", type=inputs.int_range(1, 10), default=1)
parser.add_argument("tag", action="append", dest="tags", default=[])
parser.add_argument("X-Owner", location="headers", dest="owner")
parser.add_argument("done", type=inputs.boolean, default=False)

renaming = parser.copy()
renaming.replace_argument("task", required=True, location="json")
renaming.remove_argument("rank")


def find(key):
    if key not in tasks:
        abort(404, message=f"Task {key} doesn't exist", key=key)
    return {"key": key, "made": started, "mailed": started, "rank": 1, **tasks[key]}


class Task(Resource):
    @marshal_with(task_fields)
    def get(self, key):
        return find(key)

    def put(self, key):
        found = find(key)
        tasks[key]["task"] = renaming.parse_args(strict=True)["task"]
        return {"was": found["task"]}, 200, {"X-Changed": "task"}

    def delete(self, key):
        find(key)
        del tasks[key]
        return "", 204


class Tasks(Resource):
    @marshal_with({"key": fields.Integer, "task": fields.String}, envelope="tasks")
    def get(self):
        return [{"key": key, **task} for key, task in tasks.items()]

    def post(self):
        given = parser.parse_args()
        owner = given.pop("owner")
        key = max(tasks) + 1
        tasks[key] = {**given, "owner": {"name": owner} if owner else None}
        return marshal(find(key), task_fields), 201


class Dates(Resource):
    @marshal_with_field(fields.List(fields.Integer))
    def get(self):
        wanted = reqparse.RequestParser()
        wanted.add_argument("on", type=inputs.date, location=["form", "args"], required=True)
        wanted.add_argument("unit", choices=("year", "day"), location="args")
        given = wanted.parse_args()
        return [given.on.year, given.on.day] if not given.unit else [getattr(given.on, given.unit)]

    post = get


class Upload(Resource):
    method_decorators = (lambda view: lambda *a, **k: {"decorated": view(*a, **k)},)

    def post(self):
        wanted = reqparse.RequestParser()
        wanted.add_argument("file", type=FileStorage, location="files", required=True)
        file = wanted.parse_args()["file"]
        return {"name": file.filename, "size": len(file.read())}


class Broken(Resource):
    def get(self):
        raise ZeroDivisionError("broken")


class Refused(Resource):
    def get(self):
        raise Denied


class Denied(Exception):
    pass


api = Api(
    app,
    catch_all_404s=True,
    errors={"Denied": {"message": "not for you", "status": 403, "more": True}},
)


@api.representation("text/csv")
def output_csv(data, code, headers=None):
    out = io.StringIO()
    csv.writer(out).writerows((data or {}).items())
    return make_response(out.getvalue(), code, headers)


api.add_resource(Tasks, "/tasks", "/all-tasks")
api.add_resource(Task, "/tasks/<int:key>", endpoint="task")
api.add_resource(Dates, "/dates")
api.add_resource(Upload, "/upload")
api.add_resource(Broken, "/broken")
api.add_resource(Refused, "/refused")

blueprint = Blueprint("v2", __name__, url_prefix="/v2")
second = Api(blueprint, prefix="/api")


@second.resource("/echo/<path:rest>")
class Echo(Resource):
    def get(self, rest):
        return {"rest": rest, "url": second.url_for(self, rest="x/y"), "on": request.blueprint}


@second.representation("application/json")
def output_json(data, code, headers=None):
    response = make_response(json.dumps({"v": 2, "data": data}), code)
    response.headers.extend(headers or {})
    return response


app.register_blueprint(blueprint)


@app.get("/plain")
def plain():
    return "not of the API"
