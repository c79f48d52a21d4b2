from __future__ import annotations

from tests.support.postgres_fixtures import empty_platform, migrated_platform, migrated_server, scratch_server

__all__ = ["empty_platform", "migrated_platform", "migrated_server", "scratch_server"]
