"""Files that an application or a blueprint brings with it: static ones, templates, resources."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

from jinja2 import BaseLoader, FileSystemLoader

from dovetail.app.proxies import current_app
from dovetail.app.responses import send_from_directory
from dovetail.toolkit.descriptors import cached_property

if TYPE_CHECKING:
    from dovetail.app.wrappers import Response

__all__ = ["Files", "StrPath"]

StrPath = str | os.PathLike[str]


class Files:
    """The folders beside the module of an application or a blueprint.

    :ivar root_path: where the module or package is.
    :ivar template_folder: where templates are, from ``root_path``; None if there are none.
    """

    root_path: str
    template_folder: StrPath | None
    _static_folder: str | None = None
    _static_url_path: str | None = None

    @property
    def static_folder(self) -> str | None:
        """Where static files are, absolute; None if there are none."""
        if self._static_folder is None:
            return None
        return os.path.join(self.root_path, self._static_folder)

    @static_folder.setter
    def static_folder(self, value: StrPath | None) -> None:
        self._static_folder = None if value is None else os.fspath(value).rstrip(r"\/")

    @property
    def has_static_folder(self) -> bool:
        """Whether a static folder is set; it need not exist."""
        return self._static_folder is not None

    @property
    def static_url_path(self) -> str | None:
        """The URL path of static files, by default the name of their folder."""
        if self._static_url_path is not None:
            return self._static_url_path
        folder = self.static_folder
        return None if folder is None else f"/{os.path.basename(folder)}".rstrip("/")

    @static_url_path.setter
    def static_url_path(self, value: str | None) -> None:
        self._static_url_path = None if value is None else value.rstrip("/")

    @cached_property
    def jinja_loader(self) -> BaseLoader | None:
        """Loads templates from the template folder; None if there is none."""
        if self.template_folder is None:
            return None
        return FileSystemLoader(os.path.join(self.root_path, self.template_folder))

    def get_send_file_max_age(self, filename: str | None) -> int | None:  # noqa: ARG002 - subclasses
        """Return for how many seconds a client may keep a static file; None has it ask each time.

        By default what the application's ``SEND_FILE_MAX_AGE_DEFAULT`` says.
        """
        age = current_app.config["SEND_FILE_MAX_AGE_DEFAULT"]
        if isinstance(age, timedelta):
            return int(age.total_seconds())
        return age  # type: ignore[no-any-return]

    def send_static_file(self, filename: str) -> Response:
        """Return a response with a file of the static folder; the view of static URLs.

        :raises NotFound: there is no such file.
        :raises RuntimeError: there is no static folder.
        """
        folder = self.static_folder
        if folder is None:
            raise RuntimeError("static files are in 'static_folder', but that is None")
        max_age = self.get_send_file_max_age(filename)
        return send_from_directory(folder, filename, max_age=max_age)

    def open_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = "utf-8"
    ) -> IO[Any]:
        """Open a file for reading, by its path from ``root_path``.

        :param mode: ``rb``, or ``r`` or ``rt`` for text.
        :param encoding: of text.
        :raises ValueError: any other mode.
        """
        if mode not in {"r", "rt", "rb"}:
            raise ValueError(f"resources can only be opened for reading, not with mode {mode!r}")
        path = os.path.join(self.root_path, resource)
        return open(path, mode, encoding=None if mode == "rb" else encoding)
