"""The live schema, read back: for the reviewed snapshot, for drift, and for the data dictionary."""
