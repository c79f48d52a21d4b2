"""Secrets and personal words that are known to be in a stack, looked for wherever its work leaves something: none is there in plain.

What commands print is in test_no_secret_is_shown.py, what PostgreSQL's files and log hold of profiles in
tests/integration/security/test_nothing_plain_leaves.py.
"""

import base64
import contextlib
import json
import os
import re
import secrets
import subprocess
import threading
from pathlib import Path

import docker
import pytest

from christmas.profiles import Profile, Profiles
from christmas.sealed.cipher import FieldCipher
from christmas.sealed.ring import from_json
from christmas.sessions import Sessions
from infra import clients
from infra.connections import LOCAL
from tests.end_to_end.conftest import ROOT
from tests.end_to_end.test_containers import SERVICES
from tests.support.inside import inside
from tests.support.secret_values import secrets_of

pytestmark = pytest.mark.exhaustive

WORD = f"marker{secrets.token_hex(8)}"
HASH = f"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQxMjM0${WORD}hash"
PERSONAL = {"first name": f"{WORD}one", "last name": f"{WORD}two", "address": f"{WORD}three street"}
_PIECE = 1 << 22
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


class Markers:
    """What is looked for, by a name that may be shown. A marker counts as found as it is, in base64, in hexadecimal and as JSON has it."""

    def __init__(self, values, folder):
        self.names = {form: name for name, value in values.items() for form in forms(value)}
        self.file = folder / "patterns"
        self.file.touch(mode=0o600)
        self.file.write_bytes(b"\n".join(self.names))

    def found_in(self, pieces):
        """The names of those that are in the bytes, which come in pieces. grep looks for all of them at once."""
        lines: list[bytes] = []
        with subprocess.Popen(
            ["grep", "-a", "-o", "-F", "-f", str(self.file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"LC_ALL": "C"}
        ) as looking:
            assert looking.stdin is not None
            reading = threading.Thread(target=lambda: lines.extend(looking.stdout or ()))
            reading.start()
            for piece in pieces:
                looking.stdin.write(piece)
            looking.stdin.close()
            reading.join()
        assert looking.returncode in (0, 1)
        return {self.names[line.removesuffix(b"\n")] for line in lines}


def forms(value):
    plain = value.encode()
    whole = base64.b64encode(plain).rstrip(b"=")
    # The last letters of base64 depend on what follows.
    return {plain, whole[: len(whole) // 4 * 4], plain.hex().encode(), json.dumps(value)[1:-1].encode()}


def in_pieces(path):
    with path.open("rb") as opened:
        while piece := opened.read(_PIECE):
            yield piece


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def in_files(markers, paths):
    """By path, the markers in it. A file that goes while it is read is none."""
    found = {}
    for path in paths:
        try:
            with contextlib.closing(in_pieces(path)) as pieces:
                names = markers.found_in(pieces)
            if names:
                found[str(path)] = sorted(names)
        except FileNotFoundError:
            continue
    return found


@pytest.fixture(scope="module")
def temporary_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def lines_of_processes():
    """What the machine's list of processes shows while the stack is at work."""
    return set()


@pytest.fixture(scope="module")
def markers(stack, temporary_folder, lines_of_processes, tmp_path_factory):
    """Plant them, then let everything work that handles them, with the list of processes looked at all the while."""
    platform = stack.platform()
    with clients.redis_client(platform, "api") as redis:
        session = Sessions(redis).create(1, "someone", ["trader"])
    with clients.postgres(platform, "api") as connection:
        row = connection.execute(
            "insert into users (username, email, password_hash) values (%s, %s, %s) returning id",
            (WORD, f"{WORD}@example.org", HASH),
        ).fetchone()
        assert row is not None
        person = Profile(
            user_id=row[0], first_name=PERSONAL["first name"], last_name=PERSONAL["last name"], phone="+82-2-555-0199",
            address=PERSONAL["address"], preferences={},
        )  # fmt: skip
        Profiles(FieldCipher(from_json(platform.field_keys))).write(connection, person)
    done = threading.Event()
    looking = threading.Thread(target=look_at_processes, args=(lines_of_processes, done))
    looking.start()
    stack.environment["TMPDIR"] = str(temporary_folder)
    try:
        for words in (
            ("backup", "--full"), ("backup",), ("backup.drill",), ("backup.verify",), ("accounts.rotate", "analyst", "--at-once"),
            ("check",), ("accounts.matrix", "--prove"), ("audit",), ("migrate.upkeep",), ("env", "--account", "api"), ("up",),
        ):  # fmt: skip
            stack.invoke(*words, check=words[0] not in ("check", "accounts.matrix"))
    finally:
        del stack.environment["TMPDIR"]
        done.set()
        looking.join()
    exported = json.loads(stack.pulumi("stack", "export", "--show-secrets").stdout)
    # A private key has its public half in it, which stands in the certificate as well.
    certificates = [
        resource["outputs"].get("certificate_pem", "") for resource in exported["deployment"]["resources"] if resource.get("outputs")
    ]
    secret = [each for each in sorted(secrets_of(exported)) if looks_drawn(each)]
    drawn = [each for each in secret if not any(each in public for public in certificates)]
    values = {f"secret {number} ({len(each)} characters)": each for number, each in enumerate(drawn)}
    assert len(values) > 20
    passphrase = stack.environment["PULUMI_CONFIG_PASSPHRASE"]
    planted = {**values, **PERSONAL, "token": session.token, "hash": f"{WORD}hash", "passphrase": passphrase}
    yield Markers(planted, tmp_path_factory.mktemp("patterns"))
    with clients.postgres(platform, "api") as connection:
        connection.execute("delete from users where username = %s", (WORD,))


def looks_drawn(text):
    """Whether a text was drawn by lot: a file of settings that has a password in it is secret as a whole, names of settings too."""
    return (
        text.startswith("AGE-SECRET-KEY-")
        or bool(_HEXADECIMAL.fullmatch(text))
        or all(any(map(kind, text)) for kind in (str.islower, str.isupper, str.isdigit))
    )


def look_at_processes(lines, done):
    while not done.wait(0.05):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                lines.add((process / "cmdline").read_bytes())
            except OSError:
                continue


def test_they_can_be_found(markers, stack, tmp_path):
    """Where somebody shows them, all are seen: as they are, and in what is wrapped."""
    (tmp_path / "plain").write_text(stack.pulumi("stack", "export", "--show-secrets").stdout)
    (seen,) = in_files(markers, [tmp_path / "plain"]).values()
    assert sum(name.startswith("secret ") for name in seen) == sum(name.startswith("secret ") for name in set(markers.names.values()))
    wrapped = base64.b64encode(b"xyz" + PERSONAL["first name"].encode() + b" and more").decode()
    assert markers.found_in([b"a" * 99, wrapped.encode()[:13], wrapped.encode()[13:]]) == {"first name"}


def test_state_and_history(markers, stack):
    files = files_below(Path(stack.environment["PULUMI_BACKEND_URL"].removeprefix("file://")))
    assert any("history" in str(path) for path in files)
    assert in_files(markers, files) == {}


def test_lists_of_processes(markers, lines_of_processes):
    assert any(b"backup.drill" in line for line in lines_of_processes)
    assert any(b"pgbackrest" in line for line in lines_of_processes), "processes in containers are seen as well"
    assert markers.found_in(b"\n" + line for line in lines_of_processes) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_containers_log_description_and_image(markers, stack, service):
    client = docker.from_env()
    container = stack.container(service)
    assert markers.found_in([container.logs()]) == set()
    image = client.images.get(container.attrs["Image"])
    lines = [json.dumps(each).encode() for each in (container.attrs, container.top(), image.attrs, image.history())]
    lines += [json.dumps(client.api.inspect_volume(mount["Name"])).encode() for mount in container.attrs["Mounts"] if mount.get("Name")]
    lines += [json.dumps(client.api.inspect_network(name)).encode() for name in container.attrs["NetworkSettings"]["Networks"]]
    assert markers.found_in(lines) == set()
    assert markers.found_in(image.save(chunk_size=_PIECE)) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_container_wrote_outside_its_volumes(markers, stack, service):
    """Its changes of the image's files; what is in memory alone, as /tmp is, is looked for by a command in it."""
    container = stack.container(service)
    # Docker's own first process is put in, which its folders show.
    assert [each["Path"] for each in container.diff() or [] if not "/usr/sbin/docker-init".startswith(each["Path"])] == []
    # As the service's own user: root may not pass by rights in there.
    written = inside(container, "sh", "-c", "find /tmp -type f -exec cat {} + 2>/dev/null; ls -R /tmp")
    assert markers.found_in([written]) == set()


def test_temporary_files_of_commands(markers, temporary_folder):
    """Whatever is left of them: a folder of a run that ended is removed, and nothing secret is in what stays."""
    assert in_files(markers, files_below(temporary_folder)) == {}
    assert [path.name for path in temporary_folder.iterdir() if path.name.startswith("christmas-")] == []


def test_backup_sets_as_they_lie_there(markers, stack):
    sets = [path for path in files_below(LOCAL / "backups") if stack.name in str(path)]
    assert any(path.name.endswith(".age") for path in sets)
    assert in_files(markers, sets) == {}
    repository, _ = stack.container("timescaledb").get_archive("/var/lib/pgbackrest")
    assert markers.found_in(repository) == set()


def test_what_the_stack_keeps_in_its_clone(markers, stack):
    """All but what applications are given on purpose, which only its owner reads."""
    kept = [path for path in files_below(LOCAL) if stack.name in str(path)]
    given = {path for path in kept if path.relative_to(LOCAL).parts[0] in ("env", "keys")}
    assert in_files(markers, [path for path in kept if path not in given]) == {}
    assert {oct(path.stat().st_mode & 0o077) for path in given} <= {"0o0"}


def test_git(markers):
    """Files of the clone that are or could be committed, and everything that ever was."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    paths = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    # The passphrase of the tests' stacks is written down there.
    assert {names for file in in_files(markers, paths).values() for names in file} <= {"passphrase"}
    with subprocess.Popen(["git", "cat-file", "--batch-all-objects", "--batch"], cwd=ROOT, stdout=subprocess.PIPE) as objects:
        assert objects.stdout is not None
        everything = objects.stdout
        names = markers.found_in(iter(lambda: everything.read(_PIECE), b""))
    assert objects.returncode == 0
    assert names <= {"passphrase"}


@pytest.mark.parametrize("service", SERVICES)
def test_no_memory_is_written_when_a_service_crashes(stack, service):
    container = stack.container(service)
    limits = inside(container, "sh", "-c", "cat /proc/[0-9]*/limits 2>/dev/null || :").decode()
    cores = [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")]
    assert cores
    assert {tuple(core) for core in cores} == {("0", "0")}
