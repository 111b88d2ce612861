"""The library's form."""

from __future__ import annotations

from django import forms

from library.models import Paper


class PaperForm(forms.ModelForm):
    class Meta:
        model = Paper
        fields = ("title", "scan")
