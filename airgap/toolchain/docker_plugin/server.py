"""Serves the provider to the Pulumi engine that started it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent import futures
from types import FrameType

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from airgap.toolchain.docker_plugin.servicer import DockerProvider
from core import docker_client

_THREADS = 64
"""Parallel calls; the engine makes as many as its `--parallel`, and most of them wait for Docker."""
_LARGEST = 400 * 1024 * 1024
"""Bytes in a message, as in Pulumi's own SDKs."""
_GRACE = 4.0
"""Seconds for running calls to record their results; the engine kills this process after five."""


def serve(arguments: list[str]) -> None:
    """Serve until the engine ends or asks to end; print the port for the engine."""
    parent = os.getppid()  # read before printing the port: the engine may be killed at any time after that
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    options = [("grpc.max_receive_message_length", _LARGEST), ("grpc.max_send_message_length", _LARGEST)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=_THREADS), options=options)
    provider = DockerProvider(addresses[-1] if addresses else "")
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        ended.set()

    # The engine ends its plugins with an interrupt, and waits some seconds for each.
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    docker_client.load()
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ended.wait(1):
        if os.getppid() != parent:
            os._exit(0)  # the engine was killed: nobody would record the results
    provider.cancel()
    server.stop(_GRACE).wait()
    os._exit(0)  # threads that still wait for Docker must not hold the process
