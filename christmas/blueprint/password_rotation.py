"""How long an account's former password or key is taken beside the newest, and at what age they, and the CA, are renewed.

The former one is good for `overlap`, and is taken away within `end_within` after that.
"""

from __future__ import annotations

from datetime import timedelta

from christmas.blueprint.model import RotationRules

ROTATION_RULES = RotationRules(
    overlap=timedelta(hours=24),
    end_within=timedelta(hours=1),
    looked_every=timedelta(minutes=15),
    renew_after=timedelta(days=365),
    renew_authority_after=timedelta(days=1825),
)
