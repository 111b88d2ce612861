"""The pages of the site."""

from django.http import JsonResponse
from django.shortcuts import render
from django.urls import path
from parts import WORD


def index(request):
    return render(request, "page.html", {"word": WORD})


def error(request):
    raise LookupError(f"<{WORD}>")


def meta(request):
    names = ("REMOTE_USER", "SERVER_PROTOCOL", "wsgi.multithread")
    return JsonResponse({name: request.META[name] for name in names})


urlpatterns = [path("", index), path("error", error), path("meta", meta)]
