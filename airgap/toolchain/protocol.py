"""The engine's protocol, from the stubs in the `pulumi` package without running that package: half the import time.

Importing `pulumi.runtime.proto` would first execute `pulumi/__init__.py` and the whole SDK, which a language host doesn't need.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING


def _hollow(name: str, folder: Path) -> None:
    """Register a package that has a search path but runs no code."""
    module = ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


if "pulumi" not in sys.modules:
    _spec = importlib.util.find_spec("pulumi")
    if _spec is None or _spec.origin is None:
        sys.exit("error: the Python package pulumi is not installed in this environment; run `make up`")
    _folder = Path(_spec.origin).parent
    for _name, _path in {
        "pulumi": _folder,
        "pulumi.runtime": _folder / "runtime",
        "pulumi.runtime.proto": _folder / "runtime/proto",
    }.items():
        _hollow(_name, _path)

from google.protobuf.empty_pb2 import Empty  # noqa: E402
from google.protobuf.json_format import MessageToDict  # noqa: E402
from grpc import ServicerContext as Context  # noqa: E402
from grpc import StatusCode, server  # noqa: E402
from pulumi.runtime.proto.language_pb2 import (  # noqa: E402
    AboutRequest,
    AboutResponse,
    DependencyInfo,
    GetProgramDependenciesRequest,
    GetProgramDependenciesResponse,
    GetRequiredPackagesRequest,
    GetRequiredPackagesResponse,
    GetRequiredPluginsRequest,
    GetRequiredPluginsResponse,
    InstallDependenciesRequest,
    InstallDependenciesResponse,
    LanguageHandshakeRequest,
    LanguageHandshakeResponse,
    ProgramInfo,
    RunPluginRequest,
    RunPluginResponse,
    RunRequest,
    RunResponse,
    RuntimeOptionsRequest,
    RuntimeOptionsResponse,
    TemplateRequest,
    TemplateResponse,
)
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeServicer, add_LanguageRuntimeServicer_to_server  # noqa: E402
from pulumi.runtime.proto.plugin_pb2 import PackageDependency, PluginDependency, PluginInfo  # noqa: E402

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct

__all__ = [
    "AboutRequest",
    "AboutResponse",
    "Context",
    "DependencyInfo",
    "Empty",
    "GetProgramDependenciesRequest",
    "GetProgramDependenciesResponse",
    "GetRequiredPackagesRequest",
    "GetRequiredPackagesResponse",
    "GetRequiredPluginsRequest",
    "GetRequiredPluginsResponse",
    "InstallDependenciesRequest",
    "InstallDependenciesResponse",
    "LanguageHandshakeRequest",
    "LanguageHandshakeResponse",
    "LanguageRuntimeServicer",
    "PackageDependency",
    "PluginDependency",
    "PluginInfo",
    "ProgramInfo",
    "RunPluginRequest",
    "RunPluginResponse",
    "RunRequest",
    "RunResponse",
    "RuntimeOptionsRequest",
    "RuntimeOptionsResponse",
    "StatusCode",
    "TemplateRequest",
    "TemplateResponse",
    "add_LanguageRuntimeServicer_to_server",
    "as_mapping",
    "server",
]


def as_mapping(options: Struct) -> Mapping[str, object]:
    """Return a protobuf Struct as a plain mapping."""
    return MessageToDict(options)
