"""The CycloneDX document of an image, held against the standard's own schema before anybody gets it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.errors import PlatformError
from security.sbom import debian, go_programs, python_packages
from security.sbom.image_files import ImageFiles
from security.sbom.part import Part

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

_FOUND_IN = "image:path"
_LAYER = "image:layer"


def parts(files: ImageFiles) -> list[Part]:
    """Everything that an image says it consists of."""
    release = debian.release(files.release)
    return [
        *debian.parts("\n\n".join(files.status), files.copyrights, release),
        *go_programs.parts(files.programs),
        *python_packages.parts(files.python),
    ]


def counted(every: Iterable[Part]) -> str:
    """How many there are of each kind, in words."""
    counts: Counter[str] = Counter(component.kind for component in every)
    words = {"deb": "packages of Debian", "golang": "modules of Go", "pypi": "packages of Python"}
    return ", ".join(f"{counts[kind]} {name}" for kind, name in words.items() if counts[kind]) or "nothing that says what it is"


def document(files: ImageFiles, every: Iterable[Part]) -> str:
    """The document of an image as JSON, in CycloneDX 1.6. Raises PlatformError where it does not keep to the schema."""
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    name, _, tag = files.reference.rpartition(":") if ":" in files.reference.rpartition("/")[2] else (files.reference, "", "")
    image = Component(
        name=name,
        version=tag or files.id,
        type=ComponentType.CONTAINER,
        bom_ref=files.id,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=files.id.removeprefix("sha256:"))],
        properties=[Property(name=_LAYER, value=layer) for layer in files.layers],
    )
    components = [_component(part) for part in every]
    bom = Bom(components=components, metadata=BomMetaData(component=image))
    bom.register_dependency(image, components)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    _hold_to_the_schema(text, files.reference)
    return text


def _hold_to_the_schema(text: str, reference: str) -> None:
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from cyclonedx.validation import make_schemabased_validator

    if fault := make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_6).validate_str(text):
        raise PlatformError(
            what=f"the document of {reference} does not keep to the schema of CycloneDX: {str(fault)[:300]}",
            where="security/sbom",
            next_step="report it: this is a fault of the platform",
        )


def _component(part: Part) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from packageurl import PackageURL

    url = PackageURL(part.kind, part.space or None, part.name, part.version, part.qualifiers or None)
    return Component(
        name=f"{part.space}/{part.name}" if part.kind == "golang" and part.space else part.name,
        version=part.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(url),
        purl=url,
        # Debian's short names are not SPDX's, so all stand as names.
        licenses=[DisjunctiveLicense(name=name) for name in part.licences],
        properties=[Property(name=_FOUND_IN, value=path) for path in part.seen_in],
    )
