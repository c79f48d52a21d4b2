"""A bucket as a place: what is written reads back, and each trouble on the way is waited out or told in words that help."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from backup.storage import s3
from backup.storage.places import MissingError
from backup.storage.s3 import BucketPlace
from core.errors import PlatformError
from tests.support.s3_server import S3Server, Wire, run_s3_server

BIG = os.urandom(20 << 20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with run_s3_server(tmp_path_factory.mktemp("s3")) as running:
        running.make_bucket()
        yield running


@pytest.fixture
def place(server: S3Server, request: pytest.FixtureRequest) -> BucketPlace:
    return BucketPlace(server.place(prefix=f"tests/{abs(hash(request.node.name))}"))


def test_whatever_is_written_reads_back(place: BucketPlace, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BIG)
    place.write("a/file", tmp_path / "file")
    place.write("a/pieces", lambda: [BIG[:100], BIG[100:]], len(BIG))
    place.write("a/b/small", b"words")
    place.write("a/empty", b"")
    assert place.sizes() == {"a/file": len(BIG), "a/pieces": len(BIG), "a/b/small": 5, "a/empty": 0}
    assert place.below("a").sizes("b") == {"b/small": 5}
    for path, content in (("a/file", BIG), ("a/pieces", BIG), ("a/b/small", b"words"), ("a/empty", b"")):
        assert b"".join(place.read(path)) == content
    place.write("a/b/small", b"other words")
    assert b"".join(place.below("a/b").read("small")) == b"other words"
    place.remove(["a/file", "a/gone", "a/pieces"])
    assert set(place.sizes()) == {"a/b/small", "a/empty"}
    with pytest.raises(MissingError, match="a/file can't be read: it is missing"):
        list(place.read("a/file"))


def test_pieces_that_cannot_all_be_had_make_no_file(place: BucketPlace) -> None:
    def pieces() -> Iterator[bytes]:
        yield BIG
        raise PlatformError(what="the source is damaged", where="somewhere")

    with pytest.raises(PlatformError, match="the source is damaged"):
        place.write("half", pieces)
    assert place.sizes() == {}


@pytest.mark.exhaustive
def test_failures_that_pass_are_waited_out(server: S3Server, place: BucketPlace) -> None:
    with server.fault(method="PUT", status=500, times=2):
        place.write("x", b"content")
    with server.fault(method="GET", status=503, times=2):
        assert b"".join(place.read("x")) == b"content"
    with server.fault(seconds=1.5, times=2):
        assert place.sizes() == {"x": 7}


@pytest.mark.parametrize(
    ("status", "message", "step"),
    [
        (403, "refuses the credentials or the request .403, AccessDenied.", "keyId and secretKey"),
        (500, "the server fails .500", "log"),
    ],
)
def test_a_server_that_keeps_refusing_is_told(
    server: S3Server, place: BucketPlace, status: int, message: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_TRIES", 1)
    with server.fault(method="PUT", status=status), pytest.raises(PlatformError, match=message) as told:
        place.write("x", b"content")
    assert step in told.value.next_step
    assert place.where in told.value.where
    assert place.sizes() == {}


@pytest.mark.exhaustive
def test_a_silent_server_is_given_up_and_told(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_TRIES", 1)
    place = BucketPlace(server.place(prefix="silent", timeout_seconds=1))
    with server.fault(seconds=4), pytest.raises(PlatformError, match="does not answer for 1 s"):
        place.sizes()


def test_a_connection_cut_midway_goes_on_where_it_broke(server: S3Server) -> None:
    with Wire(server.port).open() as wire:
        place = BucketPlace(server.place(prefix="cut", host="127.0.0.1", port=wire.port))
        place.write("big", BIG)
        wire.cut_after = 4 << 20
        assert hashlib.sha256(b"".join(place.read("big"))).digest() == hashlib.sha256(BIG).digest()
        assert wire.broken == 1


@pytest.mark.exhaustive
def test_what_is_wrong_with_the_settings_is_named(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_TRIES", 1)
    for settings, message in (
        (server.place("no-such-bucket"), "there is no bucket no-such-bucket"),
        (server.place(port=1), "it can't be reached"),
        (server.place(ca_certificate=None), "its certificate is not trusted"),
    ):
        with pytest.raises(PlatformError, match=message):
            BucketPlace(settings).sizes()
        with pytest.raises(PlatformError, match=message):
            BucketPlace(settings).write("x", b"content")


def test_wrong_credentials_are_told_and_shown_nowhere(tmp_path: Path) -> None:
    """A server that knows its accounts: one key may use the bucket, another secret for it may not."""
    with run_s3_server(tmp_path) as strict:
        strict.make_bucket()
        iam = strict.client("iam")
        iam.create_user(UserName="backups")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="backups", PolicyName="all", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="backups")["AccessKey"]
        strict.post("/moto-api/reset-auth", b"0")
        right = strict.place(key_id=SecretStr(key["AccessKeyId"]), secret_key=SecretStr(key["SecretAccessKey"]))
        BucketPlace(right).write("x", b"content")
        wrong = right.model_copy(update={"secret_key": SecretStr("not-the-secret")})
        with pytest.raises(PlatformError, match="refuses the credentials") as told:
            BucketPlace(wrong).write("x", b"content")
        assert "not-the-secret" not in f"{told.value} {told.value!r} {wrong!r} {told.value.__cause__}"


@pytest.mark.exhaustive
def test_memory_stays_small_whatever_the_size(server: S3Server) -> None:
    """160 MB there and back again in a process of its own."""
    program = (
        "import sys, resource; from infra.backup_places import S3Place; from backup.storage.s3 import BucketPlace\n"
        "place = BucketPlace(S3Place.model_validate_json(sys.stdin.read()))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "place.write('big', lambda: (bytes(1 << 20) for _ in range(160)), 160 << 20)\n"
        "assert sum(len(piece) for piece in place.read('big')) == 160 << 20\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    settings = json.dumps(server.place(prefix="memory").with_secrets())
    done = subprocess.run([sys.executable, "-c", program], input=settings, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100
