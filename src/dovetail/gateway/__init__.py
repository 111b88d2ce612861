"""Messages of the engine to PEP 3333 and back."""

from dovetail.gateway.environ import base_environ, build_environ, refuse_unservable
from dovetail.gateway.errors import ApplicationError, ClientDisconnected
from dovetail.gateway.exchange import Exchange, Transport
from dovetail.gateway.files import FileWrapper
from dovetail.gateway.input import StreamingInput
from dovetail.gateway.record import RequestRecord
from dovetail.gateway.upgrade import UpgradeSocket

__all__ = [
    "ApplicationError",
    "ClientDisconnected",
    "Exchange",
    "FileWrapper",
    "RequestRecord",
    "StreamingInput",
    "Transport",
    "UpgradeSocket",
    "base_environ",
    "build_environ",
    "refuse_unservable",
]
