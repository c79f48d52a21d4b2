"""A refused login is broken; one that was slow, cut or put off is unknown. The words are those that libpq and redis-py print."""

import pytest
import redis

from backup.proving.logins import Unlearned, postgres_refused, redis_refused
from monitor.accounts import judge


@pytest.mark.parametrize(
    ("sqlstate", "said", "refused"),
    [
        (None, 'connection failed: FATAL:  password authentication failed for user "api"', True),
        (None, 'connection failed: FATAL:  role "api" is not permitted to log in', True),
        (None, "connection failed: FATAL:  no pg_hba.conf entry for host", True),
        (None, "connection failed: SSL error: certificate verify failed", True),
        (None, 'connection failed: server certificate for "x" does not match host name "y"', True),
        (None, "connection failed: server does not support SSL, but SSL was required", True),
        (None, "connection failed: Connection refused", True),
        (None, "connection timeout expired", False),
        (None, "connection failed: server closed the connection unexpectedly", False),
        (None, "connection failed: SSL SYSCALL error: EOF detected", False),
        (None, "connection failed: FATAL:  the database system is starting up", False),
        (None, "connection failed: FATAL:  the database system is not yet accepting connections", False),
        (None, 'connection failed: FATAL:  too many connections for role "api"', False),
        (None, "connection failed: FATAL:  sorry, too many clients already", False),
        (None, "connection failed: FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", False),
        ("42501", "permission denied", True),
        ("57014", "canceling statement due to statement timeout", False),
        ("57P01", "terminating connection due to administrator command", False),
        ("53200", "out of shared memory", False),
    ],
)
def test_what_postgresql_says(sqlstate: str | None, said: str, refused: bool) -> None:
    assert postgres_refused(sqlstate, said) is refused


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (redis.AuthenticationError("invalid username-password pair or user is disabled."), True),
        (redis.ResponseError("NOPERM this user has no permissions to run the 'ping' command"), True),
        (redis.ConnectionError("Error 111 connecting to 127.0.0.1:9. Connection refused."), True),
        (redis.ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch"), True),
        (redis.TimeoutError("Timeout reading from socket"), False),
        (redis.ConnectionError("Connection closed by server."), False),
        (redis.BusyLoadingError("LOADING Redis is loading the dataset in memory"), False),
        (redis.ConnectionError("max number of clients reached"), False),
        (ConnectionResetError("reset"), False),
    ],
)
def test_what_redis_says(error: Exception, refused: bool) -> None:
    assert redis_refused(error) is refused


def test_only_what_was_seen_is_critical() -> None:
    slow, wrong = Unlearned("connection timeout expired"), "password authentication failed"
    assert judge("Redis", {"api": "", "rag": ""}, "dev").status == "ok"
    untold = judge("Redis", {"api": slow, "rag": ""}, "dev")
    assert (untold.status, untold.message) == ("unknown", "1 of 2 logins were not answered: api: connection timeout expired")
    both = judge("PostgreSQL", {"api": slow, "rag": wrong, "etl": ""}, "dev")
    assert (both.status, both.value) == ("critical", 1)
    assert "1 of 3 accounts can't log in: rag" in both.message
    assert "1 of 3 logins were not answered: api" in both.message
