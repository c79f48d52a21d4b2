"""Finds the SQL of the seed room by name."""

from core.statements import Statements

load = Statements(__file__)
