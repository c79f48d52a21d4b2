"""Outputs of pgBackRest and Redis' checkers, as they really printed them, and what is read from them."""

import json

import pytest

from backup.postgres.pgbackrest import command, parse_info
from backup.redis.files import AofFile, RdbContent, TornTailError, parse_aof_manifest, read_verdict, render_aof_manifest
from core.container_commands import Finished
from core.errors import PlatformError

INFO = (
    '[{"archive":[{"database":{"id":1,"repo-key":1},"id":"17-1","max":"000000010000000000000005","min":"000000010000000000000001"}],'
    '"backup":[{"annotation":{"set":"abc"},"archive":{"start":"000000010000000000000002","stop":"000000010000000000000003"},'
    '"backrest":{"format":5,"version":"2.55.1"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":23200487,'
    '"repository":{"delta":2809288,"delta-map":24624,"size-map":24624},"size":23200487},"label":"20261123-054811F",'
    '"lsn":{"start":"0/2000028","stop":"0/3000050"},"prior":null,"reference":null,"timestamp":{"start":1795412891,"stop":1795412892},'
    '"type":"full"},{"archive":{"start":"000000010000000000000004","stop":"000000010000000000000005"},"backrest":{"format":5,'
    '"version":"2.55.1"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":8450,"repository":{"delta":408,"delta-map":0,'
    '"size-map":24624},"size":23200487},"label":"20261123-054811F_20261123-054812I","lsn":{"start":"0/4000028","stop":"0/5000050"},'
    '"prior":"20261123-054811F","reference":["20261123-054811F"],"timestamp":{"start":1795412892,"stop":1795412893},"type":"incr"}],'
    '"cipher":"aes-256-cbc","db":[{"id":1,"repo-key":1,"system-id":7711239623892922386,"version":"17"}],"name":"christmas",'
    '"repo":[{"cipher":"aes-256-cbc","key":1,"status":{"code":0,"message":"ok"}}],"status":{"code":0,"lock":{"backup":{"held":false}},'
    '"message":"ok"}}]'
)

RDB_OK = "[offset 112] Checksum OK\n[offset 112] \\o/ RDB looks OK! \\o/\n[info] 2 keys read\n[info] 1 expires\n[info] 0 already expired\n"
AOF_OK = (
    "AOF analyzed: filename=appendonly.aof.1.incr.aof, size=123, ok_up_to=123, ok_up_to_line=24, diff=0\n"
    "All AOF files and manifest are valid\n"
)
AOF_TORN = (
    "0x              78: Expected to read 3 bytes, got 0 bytes\n"
    "AOF analyzed: filename=appendonly.aof.1.incr.aof, size=120, ok_up_to=96, ok_up_to_line=23, diff=24\n"
    "AOF appendonly.aof.1.incr.aof is not valid. Use the --fix option to try fixing it.\n"
)
AOF_BROKEN = AOF_TORN.replace("Expected to read 3 bytes, got 0 bytes", "Expected prefix '*', got: 'x'")


def test_backups_chains_and_the_log_are_read_from_info() -> None:
    repository = parse_info(INFO)
    full, incremental = repository.backups
    assert (full.kind, full.set_id, full.prior, full.references, full.timeline) == ("full", "abc", None, (), 1)
    assert (incremental.kind, incremental.set_id, incremental.prior) == ("incremental", None, full.label)
    assert incremental.references == (full.label,)
    assert repository.wal_newest == "000000010000000000000005"
    assert repository.backup(full.label) == full
    assert repository.backup("nothing") is None


def test_a_stanza_without_backups_is_fine_and_none_or_a_broken_one_is_not() -> None:
    stanza = json.loads(INFO)[0]
    empty = {**stanza, "backup": [], "archive": [], "status": {"code": 2, "message": "no valid backups"}}
    assert parse_info(json.dumps([empty])).backups == ()
    for broken in ("[]", json.dumps([{**stanza, "status": {"code": 3, "message": "missing stanza data"}}])):
        with pytest.raises(PlatformError, match="stanza christmas can't be used"):
            parse_info(broken)


def test_no_command_line_holds_a_secret() -> None:
    assert command("backup", "--type=full") == (
        "pgbackrest",
        "--config=/run/christmas/pgbackrest.conf",
        "--stanza=christmas",
        "--type=full",
        "backup",
    )


def test_the_logs_manifest_is_read_and_history_left_out() -> None:
    text = (
        "file a.1.base.rdb seq 1 type b\nfile a.2.incr.aof seq 2 type i\nfile a.1.incr.aof seq 1 type i\nfile a.0.incr.aof seq 0 type h\n"
    )
    files = parse_aof_manifest(text)
    assert files == (AofFile("a.1.base.rdb", 1, "b"), AofFile("a.1.incr.aof", 1, "i"), AofFile("a.2.incr.aof", 2, "i"))
    assert parse_aof_manifest(render_aof_manifest(files)) == files


@pytest.mark.parametrize(
    "text", ["", "file a.1.base.rdb seq 1 type b\n", "nonsense\n", "file ../x seq 1 type i\n", "file a seq 1 type z\n"]
)
def test_a_manifest_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(PlatformError, match="AOF's manifest"):
        parse_aof_manifest(text)


def test_both_checkers_content() -> None:
    assert read_verdict(Finished(0, (RDB_OK + AOF_OK).encode(), ""), "a set", "redis/dump.rdb") == RdbContent(keys=2, expires=1)


def test_a_log_without_a_snapshot() -> None:
    assert read_verdict(Finished(0, AOF_OK.encode(), ""), "a set", None) is None
    with pytest.raises(TornTailError):
        read_verdict(Finished(1, AOF_TORN.encode(), ""), "a set", None)
    with pytest.raises(PlatformError, match="redis-check-aof finds the copy damaged"):
        read_verdict(Finished(1, AOF_BROKEN.encode(), ""), "a set", None)


AOF_TORN_BETWEEN_LINES = AOF_TORN.partition("\n")[2]


@pytest.mark.parametrize("torn", [AOF_TORN, AOF_TORN_BETWEEN_LINES], ids=["within a word", "between lines"])
def test_a_torn_tail_tells_how_much_is_whole(torn: str) -> None:
    with pytest.raises(TornTailError) as caught:
        read_verdict(Finished(1, (RDB_OK + torn).encode(), ""), "a set", "redis/dump.rdb")
    assert caught.value.whole_bytes == 96


@pytest.mark.parametrize(
    ("output", "message"),
    [(RDB_OK + AOF_BROKEN, "redis-check-aof finds the copy damaged"), ("RDB ERROR DETECTED\n", "redis-check-rdb finds the copy damaged")],
)
def test_other_damage_is_damage(output: str, message: str) -> None:
    with pytest.raises(PlatformError, match=message) as caught:
        read_verdict(Finished(1, output.encode(), ""), "a set", "redis/dump.rdb")
    assert not isinstance(caught.value, TornTailError)
