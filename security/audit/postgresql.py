"""Events in PostgreSQL's log: logins, logouts, refusals, and what pgaudit reports of roles, DDL, writes and reads of sensitive tables."""

from __future__ import annotations

import re

from security.audit.events import READ, UNKNOWN_ACCOUNT, UNKNOWN_ADDRESS, Event, account_of

STORE = "postgresql"

_LINE = re.compile(rb"^\S+ \S+ \S+ \[(?P<session>\d+)\] user=(?P<user>\S*) db=\S* client=(?P<client>\S*) (?P<level>[A-Z]+):  (?P<said>.*)$")
_LOGIN = re.compile(rb"connection authorized: user=")
_LOGOUT = re.compile(rb"disconnection: session time")
REFUSED_LOGIN = re.compile(
    rb"authentication failed|no pg_hba\.conf entry|pg_hba\.conf rejects|is not permitted to log in|certificate|invalid authorization"
)
# pgaudit: SESSION or OBJECT, two numbers, class, command, type and name of the object, then what is not logged. OBJECT is what the audit's
# role may do, which is to read: a statement that changes rows and reads some has a line of each.
_AUDIT = re.compile(rb"^AUDIT: (?P<by>SESSION|OBJECT),\d+,\d+,(?P<kind>[A-Z]+),(?P<command>[A-Z_ ]+),(?P<type>[A-Z_ ]*),(?P<rest>.*)$")
# At its end, behind what can't be in a name of an object there, how often more the session did the same (docs/adr/0027).
_END = re.compile(rb",<not logged>,<not logged>(?:,REPEATED,(?P<more>\d+))?$")


def event_of(time: str, line: bytes) -> Event | None:
    """The event that a line of the log reports, if it reports one."""
    # Before it has logged in, a client chooses the account's and the database's name: neither may pass for another part of the line.
    match = _LINE.match(line) if line.count(b" client=") == 1 else None
    if match is None:
        refused = b"FATAL:  " in line and REFUSED_LOGIN.search(line)
        return Event(time, STORE, UNKNOWN_ACCOUNT, UNKNOWN_ADDRESS, "login", "database", "denied") if refused else None
    said, address = match["said"], match["client"].decode(errors="replace")
    account = account_of(match["user"].decode(errors="replace"))

    def event(action: str, thing: str, *, denied: bool = False, count: int = 1) -> Event:
        return Event(time, STORE, account, address, action, thing, "denied" if denied else "done", match["session"].decode(), count)

    if match["level"] == b"FATAL":
        # The health check asks without a password, the check of encryption without TLS: both are meant to be refused.
        ours = address.startswith(("127.", "::1")) or (account == "monitor" and said.endswith(b"no encryption"))
        return event("login", "database", denied=True) if REFUSED_LOGIN.search(said) and not ours else None
    if _LOGIN.match(said):
        return event("login", "database")
    if _LOGOUT.match(said):
        return event("logout", "database")
    audited = _AUDIT.match(said)
    if audited is None:
        return None
    end = _END.search(audited["rest"])
    name = audited["rest"][: end.start() if end else None].decode(errors="replace").strip('"')
    thing = f"{audited['type'].decode().lower()} {name}".strip() or "role"
    kind = READ if audited["by"] == b"OBJECT" else audited["kind"].decode().lower()
    return event(f"{kind}: {audited['command'].decode().lower()}", thing, count=int(end["more"] or 1) if end else 1)
