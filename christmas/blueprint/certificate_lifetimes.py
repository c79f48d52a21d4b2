"""How long the certificates of a stack and of its CA are good, and when they are renewed."""

from __future__ import annotations

from datetime import timedelta

CA_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=90)
# The next `up` replaces a certificate with less than this share of its life left.
RENEW_BELOW = 1 / 3
