"""Whether each account of the blueprint can log in where it should exist, and how old its secrets are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from backup.proving import logins
from backup.proving.logins import Unlearned
from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import RotationRules
from christmas.blueprint.password_rotation import ROTATION_RULES
from core.aside import Late, gather
from core.patience import patience
from core.words import span_text
from infra.authority import State, Step, look
from infra.connections import AuthorityTurn, Platform, Turn
from monitor.result import Finding, critical, ok, unknown, warning

_SECONDS = 60.0
_CHECKS = {"PostgreSQL": "postgres.accounts", "Redis": "redis.accounts", "Weaviate": "weaviate.accounts"}


def rotations(platform: Platform) -> Finding:
    """No account's former secret is valid for longer than declared, and none is old."""
    return judge_rotations(platform.rotations, datetime.now(UTC), platform.stack)


def judge_rotations(turns: Mapping[str, Turn], now: datetime, stack: str, rules: RotationRules = ROTATION_RULES) -> Finding:
    """Judge the ages of the accounts' secrets. Pure."""
    if not turns:
        return unknown("an older version brought the stack up: when its secrets were made is not known", f"invoke up --stack {stack}")
    ends = {name: turn.made_at + rules.overlap for name, turn in turns.items() if turn.former}
    overdue = {name: now - end for name, end in ends.items() if now > end + rules.end_within}
    old = {name: now - turn.made_at for name, turn in turns.items() if now - turn.made_at > rules.renew_after}
    if overdue:
        message = ", ".join(f"{name} (for {span_text(late)})" for name, late in sorted(overdue.items()))
        finish = f"invoke accounts.rotate {min(overdue)} --finish --stack {stack}"
        return warning(
            f"the former secrets of {message} are still valid, and their time is over",
            f"invoke up --stack {stack} ends them, as the schedule should have; where it doesn't: {finish}",
            len(overdue),
            "accounts",
        )
    if old:
        message = ", ".join(f"{name} ({span_text(age)})" for name, age in sorted(old.items()))
        return warning(
            f"the secrets of {message} are older than {span_text(rules.renew_after)}",
            f"invoke accounts.rotate --all --stack {stack}; then write the applications' settings anew (invoke env)",
            len(old),
            "accounts",
        )
    oldest = max(now - turn.made_at for turn in turns.values())
    running = "".join(f"; the former one of {name} is valid for {span_text(end - now)} more" for name, end in sorted(ends.items()))
    return ok(f"the oldest of {len(turns)} accounts' secrets is {span_text(oldest)} old{running}", len(ends), "overlaps")


def authority(platform: Platform) -> Finding:
    """The stack's CA is not old, and no step of its rotation is overdue."""
    from cryptography import x509

    trusted = x509.load_pem_x509_certificates(platform.ca_file.read_bytes())
    newest = max(certificate.not_valid_before_utc for certificate in trusted)
    return judge_authority(platform.authority, newest, authority_state(platform), datetime.now(UTC), platform.stack)


def authority_state(platform: Platform) -> State | None:
    """How far a rotation is, where one is under way: only then the settings have to be asked."""
    return look(platform) if platform.authority and platform.authority.former else None


def judge_authority(
    turn: AuthorityTurn | None, newest: datetime, rotation: State | None, now: datetime, stack: str, rules: RotationRules = ROTATION_RULES
) -> Finding:
    """Judge the age of the newest CA, and how far its rotation is. Pure."""
    if turn is None:
        return unknown("an older version brought the stack up: it can't rotate its CA", f"invoke up --stack {stack}")
    age = now - newest
    if rotation and rotation.step in (Step.MAKE, Step.DECLARE):
        return warning("a rotation of the CA was interrupted", f"invoke accounts.rotate --ca --stack {stack} goes on")
    if rotation and rotation.time and now > rotation.time + rules.end_within:
        return warning(
            f"a step of the CA's rotation is due since {span_text(now - rotation.time)}",
            f"invoke up --stack {stack} takes it, as the schedule should have",
        )
    if age > rules.renew_authority_after:
        return warning(
            f"the CA is {span_text(age)} old, more than {span_text(rules.renew_authority_after)}",
            f"invoke accounts.rotate --ca --stack {stack}",
            age.days,
            "days",
        )
    running = f"; two are trusted, the next step is at {rotation.time:%Y-%m-%d %H:%M} UTC" if rotation and rotation.time else ""
    return ok(f"the CA is {span_text(age)} old{running}", age.days, "days")


def _judge(platform: Platform, store: str, names: list[str], login: Callable[[Platform, str], str]) -> Finding:
    """Log in as each account at the same time, in daemon threads: a hanging store must not delay the end of the program."""
    answers = gather({name: partial(login, platform, name) for name in names}, patience(_SECONDS))
    return judge(store, {name: _answer_or_raise(answer) for name, answer in answers.items()}, platform.stack)


def _answer_or_raise(answer: object) -> str:
    if isinstance(answer, Late):
        return Unlearned(str(answer))
    if isinstance(answer, Exception):
        raise answer
    return answer if isinstance(answer, str) else str(answer)


def judge(store: str, answers: Mapping[str, str], stack: str) -> Finding:
    """Judge the logins; `answers` says for each account why it can't log in, and is empty for those that can. Pure."""
    refused = {name: problem for name, problem in answers.items() if problem and not isinstance(problem, Unlearned)}
    unlearned = {name: problem for name, problem in answers.items() if isinstance(problem, Unlearned)}
    untold = f"{len(unlearned)} of {len(answers)} logins were not answered: {_shown(unlearned)}"
    if refused:
        return critical(
            f"{len(refused)} of {len(answers)} accounts can't log in: {_shown(refused)}" + (f"; {untold}" if unlearned else ""),
            f"invoke up --refresh --stack {stack} puts {store}'s accounts back",
            len(refused),
            "accounts",
        )
    if unlearned:
        return unknown(untold, f"ask again: invoke check --only {_CHECKS[store]}; docker stats shows what is busy")
    return ok(f"{len(answers)} accounts log in: {', '.join(answers)}", len(answers), "accounts")


def _shown(problems: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {problem}" for name, problem in problems.items())


def postgres(platform: Platform) -> Finding:
    """Each PostgreSQL account logs in and is who it should be."""
    return _judge(platform, "PostgreSQL", [account.name for account in ACCOUNTS if account.postgres], logins.postgres)


def redis(platform: Platform) -> Finding:
    """Each Redis account logs in."""
    return _judge(platform, "Redis", [account.name for account in ACCOUNTS if account.redis], logins.redis)


def weaviate(platform: Platform) -> Finding:
    """Each Weaviate account's key is taken, and belongs to it."""
    return _judge(platform, "Weaviate", [account.name for account in ACCOUNTS if account.weaviate], logins.weaviate)
