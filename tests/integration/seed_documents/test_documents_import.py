"""Importing into a real Weaviate: only what changed, never half a file, and the same end however often it was ended."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import PlatformError
from infra import clients
from seed.locks import ACCOUNT
from tests.integration.seed_documents.conftest import Store
from tests.support.cases import in_make_test
from tests.support.openai_server import Trouble
from tests.support.postgres_server import run_scratch_server
from tests.support.waiting import wait_for

_IMPORT = textwrap.dedent("""
    import pickle, sys
    from pathlib import Path
    from core.progress import SilentProgress
    from seed import documents, locks
    locks.LOCAL = Path(sys.argv[3]) if len(sys.argv) > 3 else locks.LOCAL
    platform, collection = pickle.load(open(sys.argv[1], "rb"))
    report = documents.load(platform, [Path(sys.argv[2])], SilentProgress(), collection=collection)
    print(report)
""")


def _start(store: Store, folder: Path, tmp: Path, locks: Path | None = None) -> subprocess.Popen[str]:
    """An import in a process of its own, with `locks` for this machine's where it plays another one."""
    settings = tmp / "settings.pickle"
    settings.write_bytes(pickle.dumps((store.platform, store.collection)))
    settings.chmod(0o600)
    return subprocess.Popen(
        [sys.executable, "-c", _IMPORT, str(settings), str(folder), *([str(locks)] if locks else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_everything_is_there_once(store: Store, folder: Path) -> None:
    report = store.load(folder)
    assert store.objects() == store.expected(folder)
    assert (report.inserted, report.updated, report.unchanged, report.removed) == (len(store.expected(folder)), 0, 0, 0)
    assert report.tokens > 0


def test_objects_have_the_specifications_properties(store: Store, folder: Path) -> None:
    store.load(folder)
    with clients.weaviate_client(store.platform, "rag") as client:
        found = client.collections.use("ChristmasDocument").query.fetch_objects(limit=1, include_vector=True).objects[0]
    assert set(found.properties) == {"content", "file_path", "section", "chunk_id", "metadata"}
    metadata = json.loads(str(found.properties["metadata"]))
    assert set(metadata) == {"timestamp", "tokens", "hash"}
    assert metadata["tokens"] > 0
    assert datetime.fromisoformat(metadata["timestamp"]) <= datetime.now(UTC)
    # Where it came from and which one it is there, by a number of its own.
    path, number = str(found.properties["file_path"]), found.properties["chunk_id"]
    assert store.expected(folder)[str(found.uuid)] == (path, number, found.properties["content"])
    assert uuid.UUID(str(found.uuid)).version == 5
    assert len(found.vector["default"]) == 1536


def test_a_second_run_embeds_and_writes_nothing(store: Store, folder: Path) -> None:
    store.load(folder)
    store.vendor.requests.clear()
    report = store.load(folder)
    assert (report.changed, report.unchanged, report.tokens) == (0, len(store.expected(folder)), 0)
    assert store.vendor.requests == []


def test_edited_renamed_and_deleted_documents_are_right_after_one_run(store: Store, folder: Path) -> None:
    store.load(folder)
    (folder / "document-00.md").write_text("## Part 0 of document 0\n\nNow it says something else.\n")
    (folder / "document-01.md").rename(folder / "renamed.md")
    (folder / "document-02.txt").unlink()
    store.vendor.requests.clear()
    report = store.load(folder)
    assert store.objects() == store.expected(folder)
    assert (report.inserted, report.updated, report.removed) == (4, 1, 3 + 4 + 1)
    assert sum(len(request["input"]) for request in store.vendor.requests) == 5


@pytest.mark.exhaustive
def test_other_folders_are_left_alone(store: Store, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "kept.md").write_text("# Kept\n\nThis stays.\n")
    store.load(other)
    store.load(folder)
    assert store.objects() == store.expected(folder, other)
    (folder / "document-00.md").unlink()
    report = store.load(folder / "document-00.md")
    assert report.removed == 4
    assert not report.problems
    assert store.objects() == store.expected(folder, other)


def test_files_that_can_not_be_taken_in_are_named_and_the_rest_goes_on(store: Store, folder: Path) -> None:
    store.load(folder)
    (folder / "document-00.md").write_bytes(b"\0\1\2")
    (folder / "empty.md").write_text("")
    with (folder / "huge.txt").open("wb") as handle:
        os.truncate(handle.fileno(), 200 * 1024 * 1024)
    (folder / "new.md").write_text("# New\n\nA new one.\n")
    report = store.load(folder, folder / "missing.md")
    message = "\n".join(report.problems)
    assert len(report.problems) == 4
    for name, why in {"document-00.md": "not text", "empty.md": "empty", "huge.txt": "200 MiB", "missing.md": "no such file"}.items():
        assert f"{name}: {why}" in message
    kept = [path for path, _, _ in store.objects().values()]
    assert sum(path.endswith("document-00.md") for path in kept) == 4
    assert sum(path.endswith("new.md") for path in kept) == 1


def test_a_text_that_the_service_refuses_costs_its_file_only(store: Store, folder: Path) -> None:
    store.load(folder)
    before = store.objects()
    (folder / "document-03.md").write_text("# T\n\nfine\n\n## U\n\nthe poison word\n")
    (folder / "document-04.md").write_text("# T\n\nchanged\n")
    store.vendor.poison = "poison"
    report = store.load(folder)
    assert len(report.problems) == 1
    assert "document-03.md" in report.problems[0]
    after = store.objects()
    of = lambda objects, name: {each for each in objects.values() if each[0].endswith(name)}  # noqa: E731
    assert of(after, "document-03.md") == of(before, "document-03.md")
    assert of(after, "document-04.md") == of(store.expected(folder), "document-04.md")


@pytest.mark.parametrize(
    ("trouble", "told"),
    in_make_test([(Trouble(429, "insufficient_quota"), "quota is used up"), (Trouble(401, "invalid_api_key"), "the key was refused")], 0),
)
def test_trouble_that_concerns_every_file_ends_the_run_and_leaves_what_was_there(
    store: Store, folder: Path, trouble: Trouble, told: str
) -> None:
    store.load(folder)
    before = store.objects()
    (folder / "document-00.md").write_text("# T\n\nchanged\n")
    store.vendor.troubles.append(trouble)
    with pytest.raises(PlatformError, match=told):
        store.load(folder)
    assert store.objects() == before


def test_rate_limits_only_slow_it_down(store: Store, folder: Path) -> None:
    store.vendor.troubles.extend([Trouble(429, headers={"retry-after-ms": "50"}), Trouble(503, headers={"retry-after-ms": "50"})])
    store.load(folder)
    assert store.objects() == store.expected(folder)


@pytest.mark.parametrize("after_requests", in_make_test([1, 2, 4, 7], 2))
def test_killed_at_any_point_and_run_again_ends_the_same(
    store: Store, tmp_path_factory: pytest.TempPathFactory, after_requests: int
) -> None:
    folder, tmp = tmp_path_factory.mktemp("many"), tmp_path_factory.mktemp("settings")
    for number in range(60):
        parts = [f"## Part {part}\n\nText {number} {part} of many words.\n" for part in range(12)]
        (folder / f"{number:03}.md").write_text("\n".join(parts))
    store.vendor.delay = 0.05
    process = _start(store, folder, tmp)
    _kill_at_request(store, process, after_requests)
    store.vendor.delay = 0.0
    # The server may still be at the request that it was sent last, which has all of a file's passages.
    wait_for(lambda: _passages_of_files(store) <= {12}, "every file is there whole or not at all")
    store.load(folder)
    assert store.objects() == store.expected(folder)


def _kill_at_request(store: Store, process: subprocess.Popen[str], number: int) -> None:
    """SIGKILL an import when the vendor is at its request of this number."""
    try:
        wait_for(lambda: len(store.vendor.requests) >= number or process.poll() is not None, f"request {number} is made", pause=0.005)
    finally:
        process.kill()
        told, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, f"it was to die at request {number}:\n{told}"


def _passages_of_files(store: Store) -> set[int]:
    """How many passages the files have that are in the collection; nothing where there is none."""
    with clients.weaviate_client(store.platform, "indexer") as client:
        names = [name for name in client.collections.list_all() if name.startswith("ChristmasDocument")]
        found = client.collections.use(names[0]).iterator() if names else ()
        return set(Counter(str(each.properties["file_path"]) for each in found).values())


@pytest.mark.exhaustive
def test_two_imports_at_once_end_the_same(store: Store, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    store.vendor.delay = 0.2
    processes = [_start(store, folder, tmp_path_factory.mktemp("settings")) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert store.objects() == store.expected(folder)
    assert sum(f"{len(store.expected(folder))} unchanged" in output for output in outputs) == 1


@pytest.mark.exhaustive
def test_imports_from_two_machines_take_turns(store: Store, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another machine has files and locks of its own; the stack's PostgreSQL is what both see."""
    with run_scratch_server() as server:
        shared = dataclasses.replace(
            store.platform,
            endpoints={**store.platform.endpoints, "postgres": server.platform.endpoints["postgres"]},
            accounts={**store.platform.accounts, ACCOUNT: server.platform.accounts[ACCOUNT]},
        )
        # Each stack has its own CA in tests; one file may hold both.
        both = tmp_path_factory.mktemp("ca") / "ca.crt"
        both.write_bytes(store.platform.ca_file.read_bytes() + server.platform.ca_file.read_bytes())
        shared = dataclasses.replace(shared, ca_file=both)
        here = dataclasses.replace(store, platform=shared)
        store.vendor.delay = 0.3
        elsewhere = _start(here, folder, tmp_path_factory.mktemp("settings"), locks=tmp_path_factory.mktemp("elsewhere"))
        wait_for(lambda: store.vendor.requests or elsewhere.poll() is not None, "the other import is at work", pause=0.01)
        assert elsewhere.poll() is None, elsewhere.communicate()[0]
        (folder / "document-00.md").write_text("## Part 0\n\nchanged while the other one is at work\n")
        report = here.load(folder)
        told = elsewhere.communicate()[0]
        assert elsewhere.returncode == 0, told
        assert (report.updated, report.removed, report.inserted) == (1, 3, 0)
        assert store.objects() == store.expected(folder)
        # A holder that dies leaves nothing locked.
        (folder / "document-01.md").write_text("## Part 0\n\nchanged again\n")
        dying = _start(here, folder, tmp_path_factory.mktemp("settings"), locks=tmp_path_factory.mktemp("elsewhere"))
        _kill_at_request(store, dying, len(store.vendor.requests) + 1)
        store.vendor.delay = 0.0
        here.load(folder)
        assert store.objects() == store.expected(folder)
    with pytest.raises(PlatformError, match="PostgreSQL does not answer"):
        here.load(folder)


def test_a_run_over_the_cost_bound_has_to_be_confirmed(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seed.documents.COST_TO_ASK_ABOVE", 1e-9)
    asked: list[str] = []

    def refuse(told: str) -> bool:
        asked.append(told)
        return False

    with pytest.raises(PlatformError, match="not embedded: 36 chunks, about"):
        store.load(folder)
    with pytest.raises(PlatformError, match="not embedded"):
        store.load(folder, confirm=refuse)
    assert store.vendor.requests == []
    assert "$" in asked[0]
    store.load(folder, confirm=lambda _told: True)
    assert store.objects() == store.expected(folder)
