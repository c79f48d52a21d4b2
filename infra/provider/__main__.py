"""`python -m infra.provider ENGINE_ADDRESS`: what the engine starts as this project's own plugin."""

from __future__ import annotations

import sys

from airgap.toolchain.plugin.stubs import skip_the_sdk

if __name__ == "__main__":
    skip_the_sdk()
    from airgap.toolchain.plugin.serving import serve
    from infra.provider.server import Provider

    serve(Provider, sys.argv[1:])
