"""A wire between a client and a store that delays, cuts, and carries requests twice."""

from tests.support.troubled.wire import Kind, Trouble, Wire, open_wire, through

__all__ = ["Kind", "Trouble", "Wire", "open_wire", "through"]
