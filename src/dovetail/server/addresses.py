"""Where a server listens, as a value: ``HOST:PORT``, ``unix:PATH``, ``fd://N``."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

__all__ = [
    "ADDRESS_FORMS",
    "DEFAULT_PORT",
    "Address",
    "DescriptorAddress",
    "TCPAddress",
    "UnixAddress",
    "inet",
    "parse_address",
]

DEFAULT_PORT = 8000

#: What an address may look like, for messages and the documentation.
ADDRESS_FORMS = "HOST:PORT, [IPV6]:PORT, :PORT, HOST, unix:PATH or fd://N"

#: ``sun_path`` has 108 bytes on Linux (unix(7)) and one of them is the closing NUL.
_UNIX_PATH_MAX = 107

# RFC 1123 section 2.1 names, and the underscore that container networks use in theirs.
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_DIGITS = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class TCPAddress:
    """A TCP port on one interface.

    ``host`` is a name, an IPv4 address or an IPv6 address without brackets; ``port`` is 0 to 65535
    and 0 lets the system choose.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix stream socket; ``path`` is its place in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class DescriptorAddress:
    """A listening socket that the process inherited as file descriptor ``fd``."""

    fd: int

    def __str__(self) -> str:
        return f"fd://{self.fd}"


Address = TCPAddress | UnixAddress | DescriptorAddress


def parse_address(text: str) -> Address:
    """Return the address that ``text`` names.

    Forms: ``HOST:PORT``, ``[IPV6]:PORT``, ``:PORT`` (every IPv4 interface), ``HOST`` (port 8000),
    ``unix:PATH``, ``fd://N``. Raises :class:`ValueError`, whose message says what is wrong.
    """
    if text.startswith("unix:"):
        return _parse_unix(text)
    if text.startswith("fd://"):
        return _parse_descriptor(text)
    if "/" in text:
        raise ValueError(f"{text!r} is not an address; a Unix socket is written unix:PATH")
    if text.startswith("["):
        return _parse_ipv6(text)
    if text.count(":") > 1:
        raise ValueError(f"{text!r} is not an address; IPv6 is written [ADDRESS]:PORT")
    host, colon, port = text.partition(":")
    if not colon:
        if not host or _DIGITS.fullmatch(host):
            raise ValueError(f"{text!r} is not an address; allowed are {ADDRESS_FORMS}")
        return TCPAddress(_check_host(host, text), DEFAULT_PORT)
    return TCPAddress(_check_host(host or "0.0.0.0", text), _parse_port(port, text))


def _parse_unix(text: str) -> UnixAddress:
    path = text.removeprefix("unix:")
    if path.startswith("///"):
        path = path.removeprefix("//")
    if not path or path.endswith("/"):
        raise ValueError(f"{text!r} names no file for the Unix socket; write unix:PATH")
    if path.startswith("@"):
        raise ValueError(f"{text!r}: abstract Unix sockets have no permissions; write unix:PATH")
    if "\0" in path:
        raise ValueError(f"{text!r} has a NUL in its path")
    if len(path.encode("utf-8", "surrogateescape")) > _UNIX_PATH_MAX:
        raise ValueError(f"{text!r} is longer than the {_UNIX_PATH_MAX} bytes of a socket's path")
    return UnixAddress(path)


def _parse_descriptor(text: str) -> DescriptorAddress:
    number = text.removeprefix("fd://")
    if not _DIGITS.fullmatch(number) or int(number) > 0x7FFFFFFF:
        raise ValueError(f"{text!r} is not a descriptor; write fd://N with a number N")
    return DescriptorAddress(int(number))


def _parse_ipv6(text: str) -> TCPAddress:
    host, bracket, rest = text[1:].partition("]")
    if not bracket or (rest and not rest.startswith(":")):
        raise ValueError(f"{text!r} is not an address; IPv6 is written [ADDRESS]:PORT")
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError(f"{text!r}: {host!r} is not an IPv6 address") from None
    return TCPAddress(host, _parse_port(rest[1:], text) if rest else DEFAULT_PORT)


def _parse_port(port: str, text: str) -> int:
    if not _DIGITS.fullmatch(port) or int(port) > 65535:
        raise ValueError(f"{text!r}: {port!r} is not a port number (0 to 65535)")
    return int(port)


def _check_host(host: str, text: str) -> str:
    # What consists of digits and dots is meant as IPv4, and the resolver would read "127.1" or
    # "1.2.3.256" in ways that surprise.
    if re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValueError(f"{text!r}: {host!r} is not an IPv4 address") from None
    elif not _HOST_NAME.fullmatch(host) or len(host) > 253:
        raise ValueError(f"{text!r}: {host!r} is not a host name")
    return host


def inet(address: object, family: int) -> tuple[str, int] | None:
    """Return host and port of a TCP address as the system gives it, None of a Unix one."""
    if family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
        return str(address[0]), int(address[1])
    return None
