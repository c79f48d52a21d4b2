"""Redis' configuration file as text."""

from __future__ import annotations

from blueprint.model import Limits
from blueprint.services import REDIS
from infra.components.names import CONFIG_DIRECTORY

PORT = REDIS.ports["redis"]


def redis_conf(limits: Limits) -> str:
    """`redis.conf` for a server with these limits.

    Two thirds of the memory hold data; the rest is for copies on write while a snapshot runs, client buffers and fragmentation.
    Only keys with a TTL are ever evicted, those that would expire soonest first: caches go before sessions.
    """
    return f"""\
# Written by the Pulumi program; changes by hand are undone by the next `up`.
port 0
tls-port {PORT}
tls-cert-file {CONFIG_DIRECTORY}/tls.crt
tls-key-file {CONFIG_DIRECTORY}/tls.key
tls-ca-cert-file {CONFIG_DIRECTORY}/ca.crt
# Clients show a password, not a certificate.
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
bind * -::*
protected-mode yes
aclfile {CONFIG_DIRECTORY}/users.acl
acllog-max-len 512
enable-protected-configs no
enable-debug-command no
enable-module-command no

dir /data
databases 1
appendonly yes
appendfsync everysec
aof-timestamp-enabled yes
aof-use-rdb-preamble yes
save 3600 1 300 100 60 10000
rdbchecksum yes
stop-writes-on-bgsave-error yes

maxmemory {limits.memory_mib * 2 // 3}mb
maxmemory-policy volatile-ttl
maxmemory-clients 10%
lazyfree-lazy-eviction yes
lazyfree-lazy-expire yes
lazyfree-lazy-server-del yes
lazyfree-lazy-user-del yes
client-output-buffer-limit normal 64mb 16mb 60
client-output-buffer-limit pubsub 16mb 4mb 60
maxclients 1000
timeout 600
tcp-keepalive 60

loglevel notice
logfile ""
slowlog-log-slower-than 10000
slowlog-max-len 256
latency-monitor-threshold 50
"""
