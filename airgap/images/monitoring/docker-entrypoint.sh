#!/bin/bash
# Starts Prometheus, Alertmanager and the exporters, and ends when one of them does: Docker then starts all of them again.
# Everything is served over TLS to whoever knows the password in /run/christmas/web.password. Only Prometheus listens outside the container.
set -euo pipefail
umask 077
settings=/run/christmas
data=/var/lib/monitoring
scratch=/tmp

fail() {
    printf 'error: %s\n  where: %s\n  next:  %s\n' "$1" "$2" "$3" >&2
    exit 1
}

for file in ca.crt tls.crt tls.key web.password postgres.login postgres.password redis.password prometheus.yml alertmanager.yml; do
    [ -r "$settings/$file" ] || fail "the file $file is missing or unreadable" "$settings" "write it for user $(id -u) with mode 0400"
done

# The servers want the password as a bcrypt hash. It is computed here, so that no tool outside has to know how; a new salt at each start.
# shellcheck disable=SC2016 # Perl's variables, not the shell's
hash=$(perl -e '
    open(my $random, "<", "/dev/urandom") or die $!;
    read($random, my $bytes, 11) == 11 or die "no randomness";
    my $password = <STDIN>;
    chomp $password;
    print crypt($password, "\$2b\$10\$" . unpack("H*", $bytes));
' <"$settings/web.password")
[[ $hash == '$2b$10$'* ]] || fail "the password can't be hashed with bcrypt" "perl's crypt" "build the image again: its C library lacks bcrypt"

cat >"$scratch/web.yml" <<END
tls_server_config:
  cert_file: $settings/tls.crt
  key_file: $settings/tls.key
  min_version: TLS12
basic_auth_users:
  monitoring: $hash
END
cat >"$scratch/http.yml" <<END
basic_auth:
  username: monitoring
  password_file: $settings/web.password
tls_config:
  ca_file: $settings/ca.crt
END

mkdir -p "$data/prometheus" "$data/alertmanager" "$data/textfile"
# What its message quotes of a value may be a part of a password.
if ! amtool check-config "$settings/alertmanager.yml" >"$scratch/said" 2>&1; then
    said=$(tr '\n' ' ' <"$scratch/said" | sed 's/`[^`]*`/…/g' | tail -c 500)
    fail "Alertmanager refuses its configuration: $said" "the setting christmas:alertmanager" "correct it, then run invoke up"
fi

# A host has many processors; the exporters need a part of one.
export GOMAXPROCS=1
pids=()
start() {
    "$@" &
    pids+=($!)
}

start prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --web.config.file="$scratch/web.yml" --log.level=warn \
    --web.disable-exporter-metrics --collector.disable-defaults --collector.cpu --collector.filesystem --collector.loadavg \
    --collector.meminfo --collector.pressure --collector.stat --collector.time --collector.vmstat --collector.textfile \
    --collector.filesystem.mount-points-include="^$data\$" --collector.textfile.directory="$data/textfile"
# `monitor` is nobody's member: what it may not read is off. docs/adr/0707.
DATA_SOURCE_URI="timescaledb:5432/christmas_db?sslmode=verify-full&sslrootcert=$settings/ca.crt&connect_timeout=5" \
    DATA_SOURCE_USER_FILE="$settings/postgres.login" DATA_SOURCE_PASS_FILE="$settings/postgres.password" \
    start prometheus-postgres-exporter --web.listen-address=127.0.0.1:9187 --web.config.file="$scratch/web.yml" --log.level=warn \
    --disable-default-metrics --disable-settings-metrics --no-collector.wal --no-collector.stat_bgwriter --no-collector.roles \
    --exclude-databases=postgres,template0,template1 --no-collector.replication --no-collector.statio_user_tables --no-collector.stat_user_tables \
    --collector.stat_checkpointer --collector.database_wraparound --collector.postmaster
# What `monitor` may not run would be in Redis' list of refusals.
REDIS_PASSWORD=$(<"$settings/redis.password") REDIS_EXPORTER_BASIC_AUTH_USERNAME=monitoring \
    REDIS_EXPORTER_BASIC_AUTH_PASSWORD=$(<"$settings/web.password") \
    start prometheus-redis-exporter -web.listen-address=127.0.0.1:9121 -tls-server-cert-file="$settings/tls.crt" \
    -tls-server-key-file="$settings/tls.key" -redis.addr=rediss://redis:6379 -redis.user=monitor -tls-ca-cert-file="$settings/ca.crt" \
    -connection-timeout=5s -exclude-latency-histogram-metrics -redis-only-metrics -set-client-name
start prometheus-blackbox-exporter --web.listen-address=127.0.0.1:9115 --web.config.file="$scratch/web.yml" --log.level=error \
    --config.file=/etc/monitoring/blackbox.yml
start prometheus-alertmanager --web.listen-address=127.0.0.1:9093 --web.config.file="$scratch/web.yml" --log.level=warn \
    --cluster.listen-address= --config.file="$settings/alertmanager.yml" --storage.path="$data/alertmanager"
GOMAXPROCS=2 GOMEMLIMIT=256MiB start prometheus --web.listen-address=0.0.0.0:9090 --web.config.file="$scratch/web.yml" --log.level=warn \
    --config.file="$settings/prometheus.yml" --storage.tsdb.path="$data/prometheus" --storage.tsdb.retention.time=30d \
    --storage.tsdb.retention.size=1GB

stop() {
    kill -TERM "${pids[@]}" 2>/dev/null || true
    wait
    exit 0
}
trap stop TERM INT
code=0
wait -n "${pids[@]}" || code=$?
printf 'one of the processes ended with exit code %s; stopping the others\n' "$code" >&2
kill -TERM "${pids[@]}" 2>/dev/null || true
wait
exit 1
