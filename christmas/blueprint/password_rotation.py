"""How long an account's former password or key is taken beside the newest, and at what age they, and the CA, are renewed.

The former one is good for `overlap`, and is taken away within `end_within` after that.
"""

from __future__ import annotations

from datetime import timedelta

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import RotationRules
from christmas.blueprint.services import EMBEDDER

ROTATED = (*(account.name for account in ACCOUNTS), EMBEDDER.name)
"""Whose secrets are rotated: the accounts', and the embedder's key, which applications have in their settings."""

ROTATION_RULES = RotationRules(
    overlap=timedelta(hours=24),
    end_within=timedelta(hours=1),
    looked_every=timedelta(minutes=15),
    renew_after=timedelta(days=365),
    renew_authority_after=timedelta(days=1825),
)
