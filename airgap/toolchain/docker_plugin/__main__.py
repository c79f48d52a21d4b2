"""`python -m airgap.toolchain.docker_plugin ENGINE_ADDRESS`: what `pulumi-resource-docker` runs."""

from __future__ import annotations

import sys

from airgap.toolchain.docker_plugin.server import serve

if __name__ == "__main__":
    serve(sys.argv[1:])
