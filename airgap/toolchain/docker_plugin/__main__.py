"""`python -m airgap.toolchain.docker_plugin ENGINE_ADDRESS`: what `pulumi-resource-docker` runs."""

from __future__ import annotations

import sys

from airgap.toolchain.plugin.stubs import skip_the_sdk

if __name__ == "__main__":
    skip_the_sdk()
    from airgap.toolchain.docker_plugin.servicer import DockerProvider
    from airgap.toolchain.plugin.serving import serve

    serve(DockerProvider, sys.argv[1:])
