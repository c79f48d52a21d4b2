"""pgBackRest's configuration file as text: the component uploads it, the backup rooms use its constants."""

from __future__ import annotations

import re

from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from infra.backup_places import S3Place

STANZA = "christmas"
REPOSITORY_PATH = "/var/lib/pgbackrest"
CONFIG_PATH = "/run/christmas/pgbackrest.conf"
CA_FILE = "backups.crt"
# Below a bucket's prefix, or in a copy's folder.
REPOSITORY_FOLDER = "pgbackrest"
PGDATA = "/home/postgres/pgdata/data"
# On a tmpfs: locks are useless after a restart, and the root file system is read-only.
SCRATCH_PATH = "/tmp/pgbackrest"  # noqa: S108 - inside the container, owned by its one user

# pgBackRest's INI dialect has no quoting, so characters that would end or change a line can't be written.
_PASSPHRASE = re.compile(r"[\x21-\x7e]{16,}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def render(cipher_pass: str, *, stanza: str = STANZA, pgdata: str = PGDATA, place: S3Place | None = None) -> str:
    """The whole file. It has the passphrase and a bucket's credentials: keep it secret and readable only by the server's user.

    The repository is below `place`, or in its own volume without one.
    pgBackRest keeps everything: `backup.prune` decides what to remove, over all stores together.

    Raises ValueError for a passphrase that is short or not printable ASCII without spaces, and for a stanza or path
    that the file's format can't hold.
    """
    if not _PASSPHRASE.fullmatch(cipher_pass):
        raise ValueError("pgBackRest's passphrase needs 16 or more printable ASCII characters and no spaces")
    if not _NAME.fullmatch(stanza):
        raise ValueError(f"{stanza!r} can't be the name of a stanza")
    if not re.fullmatch(r"/[\w./-]+", pgdata):
        raise ValueError(f"{pgdata!r} can't be a data directory")
    return f"""\
[global]
{_repository(place)}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass={cipher_pass}
# Many small files become few big ones, and only changed blocks of a changed file are stored again.
repo1-bundle=y
repo1-block=y
# Backups span three stores and are expired together by the project's own rules; its highest value means "never by itself".
repo1-retention-full-type=count
repo1-retention-full=9999999
compress-type=zst
compress-level=3
# Of a restore, which nothing competes with; a backup is told on its command line how many it may take.
process-max=2
# A backup begins at once instead of at the next checkpoint, and every page's checksum is looked at on the way.
start-fast=y
# A run that was cut off is no set: the next one begins anew instead of going on with its files.
resume=n
checksum-page=y
# A segment is confirmed only once it is in the repository.
archive-async=n
archive-timeout={max(60, round(BACKUP_RULES.archive_timeout.total_seconds()))}
lock-path={SCRATCH_PATH}/lock
spool-path={SCRATCH_PATH}/spool
log-path={SCRATCH_PATH}/log
log-level-file=off
log-level-console=off
log-level-stderr=warn

[{stanza}]
pg1-path={pgdata}
pg1-socket-path=/var/run/postgresql
pg1-port=5432
pg1-user=postgres
"""


def _repository(place: S3Place | None) -> str:
    if place is None:
        return f"repo1-type=posix\nrepo1-path={REPOSITORY_PATH}"
    lines = [
        "repo1-type=s3",
        f"repo1-path=/{place.prefix}/{REPOSITORY_FOLDER}",
        f"repo1-s3-endpoint={place.host}",
        f"repo1-storage-port={place.port}",
        f"repo1-s3-bucket={place.bucket}",
        f"repo1-s3-region={place.region}",
        f"repo1-s3-uri-style={'path' if place.path_style else 'host'}",
        f"repo1-s3-key={place.key_id.get_secret_value()}",
        f"repo1-s3-key-secret={place.secret_key.get_secret_value()}",
    ]
    if place.ca_certificate:
        lines.append(f"repo1-storage-ca-file={CONFIG_PATH.rpartition('/')[0]}/{CA_FILE}")
    return "\n".join(lines)
