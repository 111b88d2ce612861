"""A dashboard, written after the documentation of Dash."""

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/api/ping")
def ping():
    return jsonify("pong")


dash = Dash(
    __name__,
    server=app,
    url_base_pathname="/board/",
    title="Measurements",
    meta_tags=[{"name": "description", "content": "<tests>"}],
    external_stylesheets=["https://styles.example/a.css"],
)
dash.layout = html.Div(
    [
        html.H1("Measurements", className="title"),
        dcc.Input(id="number", value=2, type="number"),
        dcc.Dropdown(["a", "b"], "a", id="choice"),
        html.Button("Go", id="go"),
        html.P(id="result"),
        html.P(id="other"),
        html.P(id="trigger"),
        html.P(id="failure"),
        html.P(id="all"),
        dcc.Graph(id="graph"),
    ]
)


@dash.callback(Output("result", "children"), Input("number", "value"))
def square(number):
    if number is None:
        raise PreventUpdate
    return f"{number} squared is {number**2}"


@dash.callback(
    Output("other", "children"),
    Output("graph", "figure"),
    Input("go", "n_clicks"),
    State("choice", "value"),
    prevent_initial_call=True,
)
def choose(clicks, choice):
    figure = {"data": [{"x": [1, 2], "y": [clicks, 3]}], "layout": {"title": choice}}
    return no_update if choice == "b" else choice, figure


@dash.callback(Output("trigger", "children"), Input("number", "value"), Input("choice", "value"))
def trigger(number, choice):
    ctx.response.set_cookie("seen", str(ctx.triggered_id))
    return f"{ctx.triggered_id} from {request.path}"


@dash.callback(Output("failure", "children"), Input("go", "disabled"))
def fail(disabled):
    raise ValueError("cannot do it")


@dash.callback(Output("all", "children"), Input({"kind": "item", "index": ALL}, "value"))
def add_all(values):
    return sum(values)
