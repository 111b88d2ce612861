"""Where things are."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from library import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.index, name="index"),
    path("echo/<slug:token>", views.echo),
    path("papers/new", views.add_paper, name="add-paper"),
    path("papers/<int:number>/scan", views.scan, name="scan"),
    path("receive", views.receive),
    path("digest", views.digest),
    path("lines/<int:count>", views.lines),
    path("pages", views.pages),
    path("catalogue", views.catalogue),
    path("where", views.where),
    path("fail", views.fail),
]
