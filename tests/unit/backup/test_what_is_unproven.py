"""What a set keeps without proof: how it is written down, shown and judged; and manifests from before there was a word for it."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.postgres.logical import limits
from backup.postgres.tables import Table, going_on, key_of
from backup.sets import keys
from backup.sets.chain import row, table
from backup.sets.folders import parse, render
from backup.sets.model import Manifest, TableRecord, Unproven
from backup.show import show_made, show_verdicts
from backup.verify import Verdict
from core.words import unproven_lines
from monitor.backups import judge_unproven
from tests.support.manifests import NOON, manifest

PASSPHRASE = "correct horse"
UNLOGGED = Unproven(what="unlogged table cache", why="unlogged")
ELSEWHERE = Unproven(what="foreign table far", why="on another server", by_design=True)
# Fields that manifests have had from the first on.
FIRST = {"rows", "checksum"}


def with_unproven(set_id: str, *found: Unproven, kind: str = "full") -> Manifest:
    made = manifest(set_id, kind="full" if kind == "full" else "incremental")
    assert made.postgres
    return made.model_copy(update={"postgres": made.postgres.model_copy(update={"unproven": found})})


def test_a_manifest_from_before_keeps_its_bytes_and_so_its_signature() -> None:
    old = keys.sign(manifest(), PASSPHRASE)
    written = render(old)
    body = json.loads(written)
    point = body["postgres"]["reference_point"]
    assert set(point["tables"]["users"]) == FIRST
    assert not {"scope", "sequences", "broken"} & set(point)
    assert not any("unproven" in body[store] for store in ("postgres", "redis", "weaviate"))
    assert not {"odd", "libraries"} & set(body["redis"])
    assert not {"tenants", "uncounted"} & set(body["weaviate"])
    again = parse(written, old.id, "here")
    assert again == old
    assert keys.is_signed(again, PASSPHRASE)
    assert again.unproven == ()
    assert again.redis
    assert again.redis.odd is None


def test_what_is_new_is_kept_and_signed() -> None:
    made = with_unproven("20261123-120000-full-0000", UNLOGGED, ELSEWHERE)
    assert made.postgres
    records = {"webhook_log": TableRecord(rows=2, checksum="5", as_text=("payload",)), "cache": TableRecord(rows=None)}
    point = made.postgres.reference_point.model_copy(update={"tables": records, "scope": "all", "sequences": {"counter": 7}})
    signed = keys.sign(made.model_copy(update={"postgres": made.postgres.model_copy(update={"reference_point": point})}), PASSPHRASE)
    again = parse(render(signed), signed.id, "here")
    assert again == signed
    assert keys.is_signed(again, PASSPHRASE)
    assert again.postgres
    hidden = again.model_copy(update={"postgres": again.postgres.model_copy(update={"unproven": ()})})
    assert not keys.is_signed(hidden, PASSPHRASE)


def test_set_list_and_verdict_say_it(capsys: pytest.CaptureFixture[str]) -> None:
    made = with_unproven("20261123-120000-full-0000", UNLOGGED, ELSEWHERE)
    show_made(made, as_json=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  not proven: unlogged table cache: unlogged",
        "  not proven: foreign table far: on another server",
    ]
    assert "  not proven: unlogged table cache: unlogged" in table([made], {}, {made.id: "here"}, NOON, width=80)
    assert [each["what"] for each in row(made)["unproven"]] == ["unlogged table cache", "foreign table far"]
    assert show_verdicts([Verdict("one", (), 3, 10, 0.5, unproven=("x: y",))], as_json=False) == 0
    assert "not proven: x: y" in capsys.readouterr().out


def test_a_long_list_is_cut_short_and_says_so() -> None:
    lines = unproven_lines([f"table {number}: json" for number in range(100)])
    assert len(lines) == 7
    assert lines[-1] == "not proven: 94 more, in the set's manifest.json"


@pytest.mark.parametrize(
    ("sets", "status", "told"),
    [
        ([], "ok", "no set yet"),
        ([with_unproven("20261123-120000-full-0000")], "ok", "all of it is counted"),
        ([with_unproven("20261123-120000-full-0000", ELSEWHERE)], "ok", "foreign table far"),
        ([with_unproven("20261123-120000-full-0000", ELSEWHERE, UNLOGGED)], "warning", "unlogged table cache: unlogged; foreign"),
        # The hour's set says nothing of the dump that the day's one lacks.
        (
            [
                with_unproven("20261123-120000-full-0000", Unproven(what="the logical backup", why="there is none")),
                with_unproven("20261123-130000-incremental-0000", kind="incremental"),
            ],
            "warning",
            "the logical backup",
        ),
        # What the newest full set no longer says, is over.
        ([with_unproven("20261122-120000-full-0000", UNLOGGED), with_unproven("20261123-120000-full-0000")], "ok", "all of it"),
    ],
)
def test_check_warns_of_what_would_be_missed(sets: Sequence[Manifest], status: str, told: str) -> None:
    found = judge_unproven(sets)
    assert found.status == status
    assert told in found.message


@given(
    names=st.lists(
        st.tuples(st.sampled_from(["public", "a", "a.b", '"', "Zwei"]), st.text(min_size=1, max_size=6)), min_size=2, unique=True
    )
)
def test_no_two_tables_have_one_name_in_a_manifest(names: list[tuple[str, str]]) -> None:
    assert len({key_of(*name) for name in names}) == len(names)


def test_tables_of_public_are_called_as_they_always_were() -> None:
    assert key_of("public", "users") == "users"
    assert key_of("public", "주문 내역") == "주문 내역"
    assert key_of("Zwei", 'a"b') == '"Zwei"."a""b"'


def described(name: str, schema: str = "public", *, filtered: bool = False) -> Table:
    return Table(1, schema, name, "r", False, False, False, True, filtered, False, False)


def test_the_dump_leaves_out_what_would_end_it() -> None:
    every = [described("users"), described('a"b', filtered=True), described("pg_largeobject", "pg_catalog")]
    options, lacking = limits(every, 170011)
    assert options == ['--exclude-table-data="public"."a""b"', "--no-large-objects"]
    assert [each.what for each in lacking] == ['table public."a""b"', "large objects"]
    assert limits(every[:1] + every[2:], 180000) == ([], [])


def test_a_sequence_that_was_set_back_meanwhile_is_not_held_to_its_value() -> None:
    before = {"a": (5, False), "b": (5, False), "c": (-5, True), "gone": (1, False)}
    after = {"a": (9, False), "b": (1, False), "c": (-7, True), "new": (1, False)}
    assert going_on(before, after) == {"a": 5, "c": -5}


def test_a_logical_backup_that_no_drill_makes_is_told() -> None:
    plain = manifest(logical=False)
    assert plain.postgres
    awaiting = plain.model_copy(update={"postgres": plain.postgres.model_copy(update={"logical_from": "copy"})})
    late = awaiting.finished + timedelta(hours=4)
    assert judge_unproven([awaiting], awaiting.finished + timedelta(hours=1)).status == "ok"
    found = judge_unproven([awaiting], late)
    assert found.status == "warning"
    assert f"invoke backup.drill {awaiting.id}" in found.message
    assert judge_unproven([awaiting, manifest("20261123-130000-full-0001")], late).status == "ok"
