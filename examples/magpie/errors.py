"""Errors as pages for people, and as JSON for programs."""

from dovetail import App, Response, jsonify, render_template, request
from dovetail.data.exceptions import HTTPException

TITLES = {
    400: "That did not work",
    403: "Not yours to change",
    404: "Nothing here, not even a button",
    413: "Too heavy to carry",
    500: "We dropped something",
}


def register(app: App) -> None:
    app.register_error_handler(HTTPException, answer_page)


def answer_page(error: HTTPException) -> Response | tuple[str, int]:
    """Show the error as a page; an exception that nobody caught comes here as a 500, too."""
    # A URL that no route matches belongs to no blueprint: the API's own handler misses its 404.
    if request.path.startswith("/api/"):
        return answer_json(error)
    code = error.code or 500
    title = TITLES.get(code, error.name)
    return render_template("error.html", error=error, code=code, title=title), code


def answer_json(error: HTTPException) -> Response:
    """Say the same in JSON, and keep its other fields, such as Allow and WWW-Authenticate."""
    response: Response = error.get_response()
    response.data = jsonify(error=error.name, detail=error.description).data
    response.content_type = "application/json"
    return response
