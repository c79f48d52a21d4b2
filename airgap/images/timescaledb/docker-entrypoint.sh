#!/bin/bash
# Makes a database cluster in an empty PGDATA, then becomes the command.
# The subset of the official image's entrypoint that the platform uses: PGDATA, POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS.
set -euo pipefail
umask 077

fail() {
    printf 'error: %s\n  where: %s\n  next:  %s\n' "$1" "$2" "$3" >&2
    exit 1
}

initdb_pid=

stop_initdb() {
    # A shell as process 1 ignores signals that it has no trap for; and a half-made cluster is thrown away at the next start.
    [ -z "$initdb_pid" ] || kill -TERM "$initdb_pid" 2>/dev/null || true
    echo "stopped while making the database cluster; the next start begins it again" >&2
    exit 143
}

make_cluster() {
    local parent partial options
    parent=$(dirname "$PGDATA")
    partial="$parent/.initdb-partial"

    if [ -d "$PGDATA" ]; then
        if [ -n "$(ls -A "$PGDATA")" ]; then
            fail "PGDATA holds files but no database cluster (no PG_VERSION)" "$PGDATA" \
                "restore a backup into it, or empty it so that a new cluster is made"
        fi
        # The cluster is made beside PGDATA and renamed into place, which only works within one file system.
        if [ "$(stat -c %d "$PGDATA")" != "$(stat -c %d "$parent")" ]; then
            fail "the data volume is mounted at PGDATA itself" "$PGDATA" "mount it one level up, at $parent"
        fi
    fi
    if [ ! -w "$parent" ]; then
        fail "the data volume is not writable for user $(id -u)" "$parent" "give it to user 1000, group 1000"
    fi

    # Two containers on one volume: the second waits here, then finds the cluster made.
    exec 9>"$parent/.initdb-lock"
    flock 9
    if [ -s "$PGDATA/PG_VERSION" ]; then
        exec 9>&-
        return
    fi
    if [ -e "$partial" ]; then
        echo "an earlier start was cut off while making the database cluster; beginning again"
        rm -rf "$partial"
    fi

    options=(
        --pgdata="$partial" --username=postgres --data-checksums --no-instructions
        --encoding=UTF8 --locale=C.UTF-8 --locale-provider=builtin --builtin-locale=C.UTF-8
        --auth-local=peer --auth-host=scram-sha-256
    )
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        if [ ! -s "$POSTGRES_PASSWORD_FILE" ] || [ ! -r "$POSTGRES_PASSWORD_FILE" ]; then
            fail "the superuser's password file is missing, empty or unreadable" "$POSTGRES_PASSWORD_FILE" \
                "write it for user 1000 with mode 0400, or unset POSTGRES_PASSWORD_FILE"
        fi
        options+=(--pwfile="$POSTGRES_PASSWORD_FILE")
    fi
    # Word splitting is meant: the variable holds several options, as in the official image.
    # shellcheck disable=SC2206
    options+=(${POSTGRES_INITDB_ARGS:-})

    trap stop_initdb TERM INT QUIT
    initdb "${options[@]}" 9>&- &
    initdb_pid=$!
    wait "$initdb_pid"
    initdb_pid=
    if [ -d "$PGDATA" ]; then
        rmdir "$PGDATA"
    fi
    mv -T "$partial" "$PGDATA"
    sync "$parent"
    trap - TERM INT QUIT
    exec 9>&-
}

if [ "${1:-}" = postgres ] || [ "${1#-}" != "${1:-}" ]; then
    if [ "${1:-}" != postgres ]; then
        set -- postgres "$@"
    fi
    case " $* " in
    *" --version "* | *" -V "* | *" --help "* | *" -? "* | *" --describe-config "*) exec "$@" ;;
    esac
    if [ "$(id -u)" = 0 ]; then
        fail "PostgreSQL refuses to run as root" "the container's user" "start the container as user 1000:1000"
    fi
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        make_cluster
    fi
    server=$(postgres --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
    data=$(cat "$PGDATA/PG_VERSION")
    if [ "$server" != "$data" ]; then
        fail "the data was written by PostgreSQL $data, this image has PostgreSQL $server" "$PGDATA" \
            "use an image of PostgreSQL $data, or move the data over with pg_dump or pg_upgrade"
    fi
fi
exec "$@"
