"""What the library keeps."""

from __future__ import annotations

from django.db import models


class Paper(models.Model):
    title = models.CharField(max_length=100)
    scan = models.FileField(upload_to="scans/")
    added = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.title
