"""The room's SQL: one statement per file, with its reason at the top."""

from core.statements import Statements

query = Statements(__file__)
