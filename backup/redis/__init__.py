"""Redis' part of a set: its RDB, AOF and ACL, restored and proven."""
