"""Pulumi's generated gRPC stubs without its SDK."""

from __future__ import annotations

import sys
import types
from importlib.machinery import PathFinder


def skip_the_sdk() -> None:
    """Let `pulumi.runtime.proto` be imported without the packages around it; call it before the first such import.

    A plugin needs only the stubs, and the SDK's own import is two thirds of the start-up time of every operation.
    """
    spec = PathFinder.find_spec("pulumi")
    if spec is None or spec.submodule_search_locations is None:
        return  # the following import reports it
    for name, below in (("pulumi", ""), ("pulumi.runtime", "/runtime")):
        package = types.ModuleType(name)
        package.__path__ = [f"{folder}{below}" for folder in spec.submodule_search_locations]
        sys.modules[name] = package
