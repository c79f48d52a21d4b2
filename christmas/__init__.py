"""What applications import: the stores of a stack by `connect()`, and typed access by the blueprint's own fields, bounds and expiries."""

from christmas.connecting import AsyncStores, MissingSettingError, Stores, connect, connect_async, read_settings

__all__ = ["AsyncStores", "MissingSettingError", "Stores", "connect", "connect_async", "read_settings"]
