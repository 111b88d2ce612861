"""websocket_client.py URL: talk to the board over a WebSocket and print what it says."""

from __future__ import annotations

import sys

from simple_websocket import Client, ConnectionClosed

client = Client.connect(sys.argv[1])
client.send("hello")
print(client.receive(timeout=60))
client.send(bytes(range(256)) * 400)
print(client.receive(timeout=60) == (bytes(range(256)) * 400)[::-1])
client.send("bye")
try:
    print(client.receive(timeout=60))
except ConnectionClosed as closed:
    print("closed", int(closed.reason))
