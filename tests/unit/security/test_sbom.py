"""What an image says of its parts is read as it stands, odd files included, and written so that CycloneDX's schema takes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st

from security.sbom import debian, go_programs, python_packages
from security.sbom.document import counted, document, parts
from security.sbom.go_programs import BuildInfo, build_info
from security.sbom.image_files import ImageFiles
from security.sbom.part import Part
from tests.support.cases import holds_for

STATUS = """\
Package: redis-server
Status: install ok installed
Architecture: amd64
Source: redis (5:8.0.2-3)
Version: 5:8.0.2-3+deb13u1
Description: a store
 with more words
 Version: none of its
Conffiles:
 /etc/redis/redis.conf 0123

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: libssl3t64
Status: install ok installed
Architecture: amd64
Version: 3.5.1-1
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Redis

Files: *
Copyright: somebody
License: BSD-3-clause

Files: deps/lua/*
License: MIT
 Words of it.

License: BSD-3-clause
 More words.
"""


def test_debians_packages_are_those_that_are_installed_with_versions_sources_and_licences() -> None:
    where = {"arch": "amd64", "distro": "debian-13"}
    source = {"upstream": "redis@5:8.0.2-3"}
    assert debian.parts(STATUS, {"redis-server": COPYRIGHT, "libssl3t64": "Anybody may."}, "debian-13") == [
        Part("deb", "redis-server", "5:8.0.2-3+deb13u1", "debian", ("BSD-3-clause", "MIT"), qualifiers=where | source),
        Part("deb", "libssl3t64", "3.5.1-1", "debian", qualifiers=where),
    ]


@pytest.mark.parametrize(
    ("text", "name"), [('ID=debian\nVERSION_ID="13"\n', "debian-13"), ("ID=alpine\nVERSION_ID=3.22.1", "alpine-3.22.1"), ("", "")]
)
def test_a_release_by_its_file(text: str, name: str) -> None:
    assert debian.release(text) == name


def text_of(content: bytes) -> bytes:
    """A text as Go's linker writes it: its length in seven bits a byte, then the text."""
    length, head = len(content), b""
    while True:
        head += bytes([length & 0x7F | (0x80 if length > 0x7F else 0)])
        length >>= 7
        if not length:
            return head + content


MODULES = (
    "path\tgithub.com/a/server/cmd\nmod\tgithub.com/a/server\tv1.39.0\th1:x=\ndep\tgolang.org/x/net\tv0.48.0\th1:y=\n"
    "dep\tgithub.com/b/old\tv1.0.0\n=>\tgithub.com/c/new\tv2.0.0\th1:z=\nbuild\t-trimpath=true\n"
)


def program(modules: str = MODULES, go: bytes = b"go1.26.1") -> bytes:
    head = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    return b"\x7fELF" + b"\0" * 60 + head + text_of(go) + text_of(b"M" * 16 + modules.encode() + b"M" * 16) + b"\0" * 40


def test_a_go_programs_modules_are_what_was_built() -> None:
    wanted = (("github.com/a/server", "v1.39.0"), ("golang.org/x/net", "v0.48.0"), ("github.com/c/new", "v2.0.0"))
    assert build_info(program()) == BuildInfo("1.26.1", wanted)
    long = "".join(f"dep\tgithub.com/a/m{number}\tv1.0.{number}\n" for number in range(2000))
    found = build_info(program(long))
    assert found is not None
    assert len(found.modules) == 2000


def test_the_magic_words_elsewhere_are_passed_over() -> None:
    words = b"\xff Go buildinf:"
    assert build_info(b"\x7fELF" + b"\0" * 12 + words + b"\x08\x02" + b"\0" * 64) is None
    assert build_info(words + b" is what this looks for" + b"\0" * 11 + program()[64:]) is not None
    assert build_info(b"\0" * 3 + words + b"\x08\x02" + program()[4:][:-3]) is None, "what is not aligned is none"


@holds_for(20, 500, st.binary(max_size=200), st.integers(0, 400))
def test_no_program_is_too_odd_to_read(noise: bytes, cut: int) -> None:
    build_info(program()[:cut] + noise)
    build_info(b"\xff Go buildinf:\x08\x02" + bytes(16) + noise)


def test_a_module_of_several_programs_is_one_part() -> None:
    info = BuildInfo("1.26.1", (("golang.org/x/net", "v0.48.0"),))
    assert go_programs.parts({"/usr/bin/b": info, "/usr/bin/a": info}) == [
        Part("golang", "net", "v0.48.0", "golang.org/x", seen_in=("/usr/bin/a", "/usr/bin/b")),
        Part("golang", "std", "1.26.1", seen_in=("/usr/bin/a", "/usr/bin/b")),
    ]


METADATA = {
    "Name: Foo.Bar_baz\nVersion: 1.0\nLicense-Expression: MIT OR Apache-2.0\n\nText\nName: no\n": "MIT OR Apache-2.0",
    "Name: numpy\nVersion: 2.3\nClassifier: License :: OSI Approved :: BSD License\nLicense: a\n long\n text\n": "BSD License",
    "Name: x\nVersion: 1\nLicense: MIT\n": "MIT",
    "Name: y\nVersion: 1\n": None,
}


def test_pythons_packages_by_their_metadata() -> None:
    found = {part.name: part for part in python_packages.parts([*METADATA, *METADATA, "Name: broken\n"])}
    assert sorted(found) == ["foo-bar-baz", "numpy", "x", "y"]
    assert [found[name].licences for name in ("foo-bar-baz", "numpy", "x", "y")] == [(said,) if said else () for said in METADATA.values()]


def files() -> ImageFiles:
    return ImageFiles(
        "christmas/redis:8.0-0123456789ab",
        "sha256:" + "0f" * 32,
        ("sha256:" + "aa" * 32,),
        status=[STATUS],
        release="ID=debian\nVERSION_ID=13",
        copyrights={"redis-server": COPYRIGHT},
        python=list(METADATA),
        programs={"/usr/bin/server": build_info(program()) or BuildInfo("", ())},
    )


def test_the_document_has_every_part_with_its_address_and_the_image_with_its_hashes() -> None:
    every = parts(files())
    assert counted(every) == "2 packages of Debian, 4 modules of Go, 4 packages of Python"
    read = json.loads(document(files(), every))
    assert (read["bomFormat"], read["specVersion"]) == ("CycloneDX", "1.6")
    image = read["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == ("container", "christmas/redis", "8.0-0123456789ab")
    assert image["hashes"] == [{"alg": "SHA-256", "content": "0f" * 32}]
    assert image["properties"] == [{"name": "image:layer", "value": "sha256:" + "aa" * 32}]
    addresses = {component["purl"]: component for component in read["components"]}
    assert len(addresses) == 10
    redis = addresses["pkg:deb/debian/redis-server@5:8.0.2-3%2Bdeb13u1?arch=amd64&distro=debian-13&upstream=redis%405:8.0.2-3"]
    assert [licens["license"]["name"] for licens in redis["licenses"]] == ["BSD-3-clause", "MIT"]
    assert addresses["pkg:golang/golang.org/x/net@v0.48.0"]["properties"] == [{"name": "image:path", "value": "/usr/bin/server"}]
    (root,) = [dependency for dependency in read["dependencies"] if dependency["ref"] == image["bom-ref"]]
    assert sorted(root["dependsOn"]) == sorted(component["bom-ref"] for component in read["components"])


def test_an_image_that_says_nothing_is_written_as_well() -> None:
    empty = ImageFiles("localhost:5000/odd/image", "sha256:" + "00" * 32, ())
    read = json.loads(document(empty, parts(empty)))
    assert read["metadata"]["component"]["name"] == "localhost:5000/odd/image"
    assert counted([]) == "nothing that says what it is"
