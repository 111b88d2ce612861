"""A site of Django with django-extensions, in one file."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line

HERE = os.path.dirname(os.path.abspath(__file__))

settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=True,
    INSTALLED_APPS=["django_extensions"],
    ROOT_URLCONF="pages",
    SECRET_KEY="development",
    STATIC_URL="static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [os.path.join(HERE, "templates")],
        }
    ],
)

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
