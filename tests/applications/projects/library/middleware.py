"""Which worker answered."""

from __future__ import annotations

import os


class SignMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Worker"] = str(os.getpid())
        return response
