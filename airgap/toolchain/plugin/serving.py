"""A plugin's process: it serves the Pulumi engine that started it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from airgap.toolchain.plugin.base import Plugin
from core import docker_client

_THREADS = 64
"""Parallel calls; the engine makes as many as its `--parallel`, and most of them wait for Docker."""
_LARGEST = 400 * 1024 * 1024
"""Bytes in a message, as in Pulumi's own SDKs."""
_GRACE = 4.0
"""Seconds for running calls to record their results; the engine kills its plugins after five."""


def serve(plugin: Callable[[str], Plugin], arguments: list[str]) -> None:
    """Serve until the engine ends or asks to end; print the port for the engine. `plugin` gets the engine's address.

    Doesn't return: threads that still wait for Docker must not hold the process.
    """
    parent = os.getppid()  # read before printing the port: the engine may be killed at any time after that
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    options = [("grpc.max_receive_message_length", _LARGEST), ("grpc.max_send_message_length", _LARGEST)]
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)
    provider = plugin(addresses[-1] if addresses else "")
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()
    # The engine ends its plugins with an interrupt, and waits some seconds for each.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    docker_client.load()
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ended.wait(1):
        if os.getppid() != parent:
            os._exit(0)  # the engine was killed: nobody would record the results
    provider.cancelled.set()
    server.stop(_GRACE).wait()
    os._exit(0)
