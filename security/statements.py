"""Finds this room's SQL by name."""

from core.statements import Statements

statement = Statements(__file__)
