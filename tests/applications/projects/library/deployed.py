"""The settings that startproject made, and what a deployment changes in them."""

from __future__ import annotations

import os
from pathlib import Path

from reading_room.settings import *  # noqa: F403
from reading_room.settings import INSTALLED_APPS, MIDDLEWARE

STATE = Path(os.environ["LIBRARY_STATE"])

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "library.test"]
INSTALLED_APPS = [*INSTALLED_APPS, "library"]
MIDDLEWARE = [
    "library.middleware.SignMiddleware",
    MIDDLEWARE[0],
    # Its documentation has it behind the security middleware, and before all others.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    *MIDDLEWARE[1:],
]
ROOT_URLCONF = "library.urls"
# Django's own word about test deployments; a waiting writer is no error here.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE / "db.sqlite3",
        "OPTIONS": {"timeout": 60},
    }
}
STATIC_ROOT = STATE / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = STATE / "media"
MEDIA_URL = "media/"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, for tests
