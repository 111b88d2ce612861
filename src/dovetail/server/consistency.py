"""What settings demand of each other."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping

from dovetail.server.addresses import Address, TCPAddress
from dovetail.server.settings import SETTINGS, Settings, SettingsError

__all__ = ["check_consistency"]


def check_consistency(settings: Settings, origins: Mapping[str, str]) -> None:
    """Raise :class:`SettingsError` for the first two settings that do not go together.

    ``origins`` says for each name where its value came from. The directories that are named must
    exist; whether other files can be read is for those to say who open them.
    """
    for name, problem in _problems(settings):
        raise SettingsError(f"{name} ({origins.get(name, 'default')}): {problem}")


def _problems(settings: Settings) -> Iterator[tuple[str, str]]:
    yield from _bind(settings.bind)
    yield from _directories(settings)
    yield from _limits(settings)
    yield from _tls(settings)


def _bind(addresses: tuple[Address, ...]) -> Iterator[tuple[str, str]]:
    for address, count in Counter(addresses).items():
        # Every port 0 is another one.
        if count > 1 and not (isinstance(address, TCPAddress) and address.port == 0):
            yield "bind", f"{address} is there {count} times"


def _directories(settings: Settings) -> Iterator[tuple[str, str]]:
    for name, path in (("chdir", settings.chdir), ("tmp_upload_dir", settings.tmp_upload_dir)):
        if path is not None and not os.path.isdir(path):
            yield name, f"{path!r} is not a directory"


def _limits(settings: Settings) -> Iterator[tuple[str, str]]:
    for small, large, why in (
        ("limit_request_field_size", "limit_request_head", "which holds all fields together"),
        ("response_buffer", "response_memory", "which holds the buffers of all responses"),
    ):
        low, high = getattr(settings, small), getattr(settings, large)
        if low > high:
            shown = SETTINGS[small].dump(low), SETTINGS[large].dump(high)
            yield small, f"{shown[0]} is more than {large} ({shown[1]}), {why}"


def _tls(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.ssl_context is not None:
        for name in ("certfile", "keyfile", "ca_certs", "cert_reqs", "ciphers"):
            if getattr(settings, name) != SETTINGS[name].default:
                yield name, "does not go with ssl_context, whose context has its own; drop one"
        return
    if settings.certfile is None:
        for name in ("keyfile", "ca_certs", "cert_reqs", "ciphers"):
            if getattr(settings, name) != SETTINGS[name].default:
                yield name, "needs certfile too, for without a certificate there is no TLS"
    if settings.cert_reqs != "none" and settings.ca_certs is None:
        yield "cert_reqs", "needs ca_certs too, to know which client certificates are good"
    if settings.cert_reqs == "none" and settings.ca_certs is not None:
        # Who sets this believes that clients are checked.
        yield "ca_certs", "has no effect without cert_reqs; set that to optional or required"
