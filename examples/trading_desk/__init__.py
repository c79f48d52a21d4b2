"""A small trading desk: accounts, prices, orders, and answers from documents. docs/applications.md says how to run it."""
