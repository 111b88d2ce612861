"""The library in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from library.models import Paper


@admin.register(Paper)
class PaperAdmin(admin.ModelAdmin):
    list_display = ("title", "added")
    search_fields = ("title",)
