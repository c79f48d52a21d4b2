"""The rendered file: what matters for safety is in it, and nothing can break out of its format."""

import configparser

import pytest

from infra.backup_places import S3Place
from infra.components.pgbackrest_config import PGDATA, REPOSITORY_PATH, render

PASSPHRASE = "correct-horse-battery-staple"


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser


def test_backups_are_encrypted_checked_and_never_expired_by_pgbackrest() -> None:
    options = parsed(render(PASSPHRASE))
    assert options["global"]["repo1-cipher-type"] == "aes-256-cbc"
    assert options["global"]["repo1-cipher-pass"] == PASSPHRASE
    assert options["global"]["repo1-path"] == REPOSITORY_PATH
    assert options["global"]["checksum-page"] == "y"
    assert options["global"].getint("repo1-retention-full") == 9_999_999
    assert options["global"]["log-level-file"] == "off"
    assert options["christmas"]["pg1-path"] == PGDATA


def test_stanza_and_data_directory_can_be_chosen() -> None:
    options = parsed(render(PASSPHRASE, stanza="scratch", pgdata="/var/lib/postgresql/data"))
    assert options["scratch"]["pg1-path"] == "/var/lib/postgresql/data"


@pytest.mark.parametrize("passphrase", ["", "short", "with space in the middle", "new\nline" * 4, "ümlaut-ümlaut-ümlaut"])
def test_a_passphrase_that_the_format_would_change_is_refused(passphrase: str) -> None:
    with pytest.raises(ValueError, match="passphrase"):
        render(passphrase)


@pytest.mark.parametrize("stanza", ["", "a]\nb", "Christmas", "../x"])
def test_a_stanza_that_breaks_the_file_is_refused(stanza: str) -> None:
    with pytest.raises(ValueError, match="stanza"):
        render(PASSPHRASE, stanza=stanza)


@pytest.mark.parametrize("pgdata", ["relative", "/a\nrepo1-cipher-type=none", ""])
def test_a_data_directory_that_breaks_the_file_is_refused(pgdata: str) -> None:
    with pytest.raises(ValueError, match="data directory"):
        render(PASSPHRASE, pgdata=pgdata)


def test_a_bucket_takes_the_repository_and_is_reached_over_tls_alone() -> None:
    known = {"endpoint": "https://s3.example.org:9000", "bucket": "backups", "keyId": "id", "secretKey": "hush", "caCertificate": "PEM"}
    options = parsed(render(PASSPHRASE, place=S3Place.model_validate({"prefix": "a/b", **known})))["global"]
    assert (options["repo1-type"], options["repo1-path"]) == ("s3", "/a/b/pgbackrest")
    assert (options["repo1-s3-endpoint"], options["repo1-storage-port"]) == ("s3.example.org", "9000")
    assert (options["repo1-s3-key"], options["repo1-s3-key-secret"]) == ("id", "hush")
    assert options["repo1-storage-ca-file"] == "/run/christmas/backups.crt"
    assert options["repo1-cipher-pass"] == PASSPHRASE
    with pytest.raises(ValueError, match="printable"):
        S3Place.model_validate({**known, "secretKey": "two\nlines"})
