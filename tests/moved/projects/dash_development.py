"""A page of Dash under development, written after the documentation."""

import parts
from dash import Dash, Input, Output, dcc, html

app = Dash(__name__)
app.layout = html.Div([html.H1(parts.WORD), dcc.Input(id="number"), html.P(id="result")])


@app.callback(Output("result", "children"), Input("number", "value"))
def divide(value):
    return 10 / value


if __name__ == "__main__":
    options = {"silence_routes_logging": False, "hot_reload_interval": 0.2}
    app.run(debug=True, port=0, **{f"dev_tools_{name}": options[name] for name in options})
