"""The library for applications: `connect()` to a stack's stores, and typed access by the blueprint's fields, bounds and expiries."""

from christmas.connecting import AsyncStores, MissingSettingError, Stores, connect, connect_async, read_settings

__all__ = ["AsyncStores", "MissingSettingError", "Stores", "connect", "connect_async", "read_settings"]
