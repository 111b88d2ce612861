"""The configuration of an application."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from json import loads as parse_json
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar, overload

from dovetail.toolkit.imports import import_string

if TYPE_CHECKING:
    from typing import Self

    from dovetail.app.setup import AppSetup

__all__ = ["Config", "ConfigAttribute"]

T = TypeVar("T")

# A file that is not there, which ``silent`` passes over. A path below a file is no such case for
# from_file(), as documented.
_ABSENT = (errno.ENOENT, errno.EISDIR)
_FLASK_PREFIX = "FLASK"
_OWN_PREFIX = "DOVETAIL"


class ConfigAttribute(Generic[T]):
    """An attribute of an application that is a key of its ``config``.

    :param name: the key.
    :param get_converter: applied to the value when it is read.
    """

    def __init__(self, name: str, get_converter: Callable[[Any], T] | None = None) -> None:
        self.__name__ = name
        self.get_converter = get_converter

    @overload
    def __get__(self, obj: None, owner: None) -> Self: ...

    @overload
    def __get__(self, obj: AppSetup, owner: type[AppSetup]) -> T: ...

    def __get__(self, obj: AppSetup | None, owner: type[AppSetup] | None = None) -> T | Self:
        if obj is None:
            return self
        value = obj.config[self.__name__]
        converter = self.get_converter
        return value if converter is None else converter(value)

    def __set__(self, obj: AppSetup, value: Any) -> None:
        obj.config[self.__name__] = value


class Config(dict[str, Any]):
    """A dictionary that can be filled from files, objects and the environment.

    Of what they hold, only the keys in upper case are taken.

    :param root_path: where relative file names start; kept as ``root_path``.
    :param defaults: the first values.
    """

    def __init__(
        self, root_path: str | os.PathLike[str], defaults: dict[str, Any] | None = None
    ) -> None:
        super().__init__(defaults or {})
        self.root_path = root_path

    def from_envvar(self, variable_name: str, silent: bool = False) -> bool:
        """Load the Python file that an environment variable names.

        :param silent: return False if the variable is not set or there is no such file.
        :raises RuntimeError: the variable is not set.
        """
        filename = os.environ.get(variable_name)
        if filename:
            return self.from_pyfile(filename, silent=silent)
        if silent:
            return False
        raise RuntimeError(
            f"The environment variable {variable_name!r} is not set, so there is no configuration"
            " to load: have it name a configuration file"
        )

    def from_prefixed_env(
        self, prefix: str = _FLASK_PREFIX, *, loads: Callable[[str], Any] = parse_json
    ) -> bool:
        """Load the environment variables whose names begin with ``prefix`` and "_".

        The rest of the name is the key. Two underscores in it lead into a dictionary, which is
        made if need be: ``FLASK_A__B=1`` sets ``config["A"]["B"]``. Variables are taken in the
        order of their names. With the default prefix, those that begin with ``DOVETAIL_`` are
        loaded after them.

        :param loads: makes a value of the text; the text itself is the value if it raises an
            error.
        :raises TypeError: a name leads into a value that is no dictionary.
        """
        self._take_prefixed(f"{prefix}_", loads)
        if prefix == _FLASK_PREFIX:
            self._take_prefixed(f"{_OWN_PREFIX}_", loads)
        return True

    def _take_prefixed(self, prefix: str, loads: Callable[[str], Any]) -> None:
        for name in sorted(os.environ):
            if not name.startswith(prefix):
                continue
            value: Any = os.environ[name]
            with suppress(Exception):  # whatever the given function raises: the text is the value
                value = loads(value)
            try:
                _put(self, name.removeprefix(prefix).split("__"), value)
            except TypeError:
                raise TypeError(f"{name} leads into a value that is no dictionary") from None

    def from_pyfile(self, filename: str | os.PathLike[str], silent: bool = False) -> bool:
        """Run a Python file and load its names, as if it were imported.

        :param filename: relative ones start at ``root_path``.
        :param silent: return False if there is no such file.
        :raises OSError: it cannot be read.
        """
        path = os.path.join(self.root_path, filename)
        module = ModuleType("config")
        module.__file__ = path
        try:
            with open(path, "rb") as file:
                source = file.read()
        except OSError as error:
            if silent and error.errno in (*_ABSENT, errno.ENOTDIR):
                return False
            _explain(error)
            raise
        # The future imports of this module are not those of the file.
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
        self.from_object(module)
        return True

    def from_object(self, obj: object | str) -> None:
        """Load the attributes of an object: a module, a class or an instance.

        Properties count only on an instance; the items of a dictionary do not, they are for
        :meth:`from_mapping`.

        :param obj: the object, or its dotted name, by which it is imported.
        :raises ImportError: there is nothing of that name.
        """
        if isinstance(obj, str):
            obj = import_string(obj)
        for key in dir(obj):
            if key.isupper():
                self[key] = getattr(obj, key)

    def from_file(
        self,
        filename: str | os.PathLike[str],
        load: Callable[[IO[Any]], Mapping[str, Any]],
        silent: bool = False,
        text: bool = True,
    ) -> bool:
        """Load a file by a function such as :func:`json.load` or :func:`tomllib.load`.

        :param filename: relative ones start at ``root_path``.
        :param load: makes a mapping of the open file.
        :param silent: return False if there is no such file.
        :param text: open it as text, not as bytes; :func:`tomllib.load` needs False.
        :raises OSError: it cannot be read.
        """
        path = os.path.join(self.root_path, filename)
        try:
            with open(path, "r" if text else "rb") as file:
                mapping = load(file)
        except OSError as error:
            if silent and error.errno in _ABSENT:
                return False
            _explain(error)
            raise
        return self.from_mapping(mapping)

    def from_mapping(self, mapping: Mapping[str, Any] | None = None, **kwargs: Any) -> bool:
        """Load the items of a mapping, then the keyword arguments. Always returns True."""
        for key, value in dict({} if mapping is None else mapping, **kwargs).items():
            if key.isupper():
                self[key] = value
        return True

    def get_namespace(
        self, namespace: str, lowercase: bool = True, trim_namespace: bool = True
    ) -> dict[str, Any]:
        """Return the items whose keys begin with ``namespace``, such as ``"MAIL_"``.

        :param lowercase: have the new keys in lower case.
        :param trim_namespace: leave ``namespace`` off the new keys.
        """
        found: dict[str, Any] = {}
        for key, value in self.items():
            if key.startswith(namespace):
                name = key[len(namespace) :] if trim_namespace else key
                found[name.lower() if lowercase else name] = value
        return found

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict.__repr__(self)}>"


def _put(items: Any, keys: list[str], value: Any) -> None:
    """Set an item of a dictionary in ``items``; all but the last of the keys lead there."""
    *outer, last = keys
    for key in outer:
        if key not in items:
            items[key] = {}
        items = items[key]
    items[last] = value


def _explain(error: OSError) -> None:
    """Have an error say what the file was for."""
    error.strerror = f"Unable to load configuration file ({error.strerror})"
