"""A Falcon application."""

from __future__ import annotations

import falcon


class Things:
    def on_get(self, req, resp, name):
        resp.media = {"name": name, "wanted": req.get_param_as_int("wanted", default=1)}
        resp.set_header("X-Thing", name)

    def on_put(self, req, resp, name):
        resp.status = falcon.HTTP_201
        resp.media = {"name": name, "got": req.get_media()}

    def on_delete(self, req, resp, name):
        raise falcon.HTTPForbidden(title="not this one")


class Copy:
    def on_post(self, req, resp):
        resp.stream = iter(lambda: req.bounded_stream.read(8192), b"")
        resp.content_type = falcon.MEDIA_TEXT


application = falcon.App()
application.add_route("/things/{name}", Things())
application.add_route("/copy", Copy())
