"""The room's SQL: one statement a file, with its reason at its top."""

from core.statements import Statements

query = Statements(__file__)
