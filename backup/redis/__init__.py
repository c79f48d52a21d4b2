"""Redis' part of a set: its snapshot, log and ACL, restored and proven."""
