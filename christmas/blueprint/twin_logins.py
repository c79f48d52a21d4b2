"""The names that an account logs in with: its own, and its twin's. One holds the newest secret, the other the former one for a while.

PostgreSQL and Weaviate keep one secret for each login, so that a rotation needs a second login. Redis keeps two for one.
docs/adr/0020 says what that costs.
"""

from __future__ import annotations

from christmas.blueprint.accounts import ACCOUNTS

_ENDING = "_twin"
_ACCOUNTS = frozenset(account.name for account in ACCOUNTS)


def twin_of(account: str) -> str:
    """The name of the account's second login."""
    return f"{account}{_ENDING}"


def account_of_login(login: str) -> str:
    """The account that a login belongs to; a name that is no account's login comes back as it is."""
    account = login.removesuffix(_ENDING)
    return account if account in _ACCOUNTS else login
