"""Credentials and challenges: Authorization and WWW-Authenticate (RFC 9110, 7616, 7617)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Self

from dovetail.data.callbacks import CallbackDict
from dovetail.data.header_values import dump_header, parse_dict_header, quote_header_value

__all__ = ["Authorization", "WWWAuthenticate"]

# Parameters of a Digest challenge that are always in quotes (RFC 7616 section 3.3).
_QUOTED = frozenset({"realm", "domain", "nonce", "opaque", "qop"})


def _is_token(rest: str) -> bool:
    """Tell whether what is behind a scheme is a token: ``=`` at its end only (RFC 9110 11.2)."""
    return "=" not in rest or "=" not in rest.rstrip("=")


class Authorization:
    """The credentials of an Authorization field.

    A scheme has either ``parameters`` or a ``token``. Parameters are attributes and items, too; one
    that is not there is None.

    :param auth_type: the scheme, in lower case.
    :param data: the parameters; ``username`` and ``password`` for ``basic``.
    :param token: what a scheme like ``bearer`` has in their place.
    """

    #: The scheme, like ``basic``, ``digest`` or ``bearer``.
    type: str
    #: The parameters.
    parameters: dict[str, str | None]
    #: The token, of a scheme that has one.
    token: str | None

    def __init__(
        self,
        auth_type: str,
        data: dict[str, str | None] | None = None,
        token: str | None = None,
    ) -> None:
        self.type = auth_type
        self.parameters = {} if data is None else data
        self.token = token

    def __getattr__(self, name: str) -> str | None:
        if name[:2] == "__" or name == "parameters":
            # Asked for by copy, pickle and the like, which would take None for an answer, or
            # before there are any.
            raise AttributeError(name)
        return self.parameters.get(name)

    def __getitem__(self, name: str) -> str | None:
        return self.parameters.get(name)

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return a parameter, or ``default`` if it is not there."""
        return self.parameters.get(key, default)

    def __contains__(self, key: str) -> bool:
        return key in self.parameters

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Authorization):
            return NotImplemented
        return (
            other.type == self.type
            and other.token == self.token
            and other.parameters == self.parameters
        )

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    @classmethod
    def from_header(cls, value: str | None) -> Self | None:
        """Parse an Authorization field; None if there is none, or Basic credentials are malformed.

        These are Base64 of UTF-8, with or without a colon and a password (RFC 7617 section 2).
        """
        if not value:
            return None
        scheme, _, rest = value.partition(" ")
        scheme = scheme.lower()
        rest = rest.strip(" \t")
        if scheme == "basic":
            try:
                text = binascii.a2b_base64(rest, strict_mode=True).decode()
            except (binascii.Error, ValueError):
                return None
            username, _, password = text.partition(":")
            return cls("basic", {"username": username, "password": password})
        if _is_token(rest):
            return cls(scheme, None, rest)
        return cls(scheme, parse_dict_header(rest))

    def to_header(self) -> str:
        """Return the field's value."""
        if self.type == "basic":
            text = f"{self.username}:{self.password}"
            return f"Basic {base64.b64encode(text.encode()).decode('ascii')}"
        if self.token is not None:
            return f"{self.type.title()} {self.token}"
        return f"{self.type.title()} {dump_header(self.parameters)}"

    def __str__(self) -> str:
        return self.to_header()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.to_header()}>"


class WWWAuthenticate:
    """The challenge of a WWW-Authenticate field.

    A scheme has either ``parameters`` or a ``token``. Parameters are attributes and items, too; one
    that is not there is None, and one that is set to None is removed.

    :param auth_type: the scheme; kept in lower case.
    :param values: the parameters, ``realm`` for one.
    :param token: what a scheme like ``negotiate`` has in their place.
    """

    #: Called with this object after each change; the response that has it writes its field anew.
    _on_update: Callable[[WWWAuthenticate], None] | None

    def __init__(
        self,
        auth_type: str,
        values: dict[str, str | None] | None = None,
        token: str | None = None,
    ) -> None:
        fields = self.__dict__
        fields["_type"] = auth_type.lower()
        fields["_parameters"] = self._watch(values)
        fields["_token"] = token
        fields["_on_update"] = None

    def __reduce__(self) -> Any:
        # A copy has its own parameters, and belongs to no response.
        return type(self), (self.type, dict(self.parameters), self.token)

    def _watch(self, values: dict[str, str | None] | None) -> CallbackDict[str, str | None]:
        return CallbackDict(values, self._parameters_changed)

    def _parameters_changed(self, _: Any) -> None:
        self._changed()

    def _changed(self) -> None:
        on_update = self.__dict__["_on_update"]
        if on_update is not None:
            on_update(self)

    @property
    def type(self) -> str:
        """The scheme, like ``basic``, ``digest`` or ``bearer``."""
        return str(self.__dict__["_type"])

    @type.setter
    def type(self, value: str) -> None:
        self.__dict__["_type"] = value.lower()
        self._changed()

    @property
    def parameters(self) -> dict[str, str | None]:
        """The parameters; changing them changes the response that has the challenge."""
        parameters: dict[str, str | None] = self.__dict__["_parameters"]
        return parameters

    @parameters.setter
    def parameters(self, value: dict[str, str | None]) -> None:
        self.__dict__["_parameters"] = self._watch(value)
        self._changed()

    @property
    def token(self) -> str | None:
        """The token, of a scheme that has one."""
        token: str | None = self.__dict__["_token"]
        return token

    @token.setter
    def token(self, value: str | None) -> None:
        self.__dict__["_token"] = value
        self._changed()

    def __getitem__(self, key: str) -> str | None:
        return self.parameters.get(key)

    def __setitem__(self, key: str, value: str | None) -> None:
        if value is None:
            self.parameters.pop(key, None)
        else:
            self.parameters[key] = value

    def __delitem__(self, key: str) -> None:
        self.parameters.pop(key, None)

    def __getattr__(self, name: str) -> str | None:
        if name[:2] == "__":
            # Asked for by copy, pickle and the like, which would take None for an answer.
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __contains__(self, key: str) -> bool:
        return key in self.parameters

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return a parameter, or ``default`` if it is not there."""
        return self.parameters.get(key, default)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WWWAuthenticate):
            return NotImplemented
        return (
            other.type == self.type
            and other.token == self.token
            and other.parameters == self.parameters
        )

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    @classmethod
    def from_header(cls, value: str | None) -> Self | None:
        """Parse a WWW-Authenticate field with one challenge; None if there is none."""
        if not value:
            return None
        scheme, _, rest = value.partition(" ")
        rest = rest.strip(" \t")
        if _is_token(rest):
            return cls(scheme, None, rest)
        return cls(scheme, parse_dict_header(rest))

    def to_header(self) -> str:
        """Return the field's value."""
        scheme = self.type.title()
        token, parameters = self.token, self.parameters
        if token is not None:
            return f"{scheme} {token}"
        if not parameters:
            return scheme
        if scheme != "Digest":
            return f"{scheme} {dump_header(parameters)}"
        items = [
            f"{key}={quote_header_value(value, allow_token=key not in _QUOTED)}"
            for key, value in parameters.items()
        ]
        return f"{scheme} {', '.join(items)}"

    def __str__(self) -> str:
        return self.to_header()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.to_header()}>"


_OWN = frozenset({"_on_update", "_parameters", "_token", "_type", "parameters", "token", "type"})
