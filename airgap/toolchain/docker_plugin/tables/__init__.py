"""The resources' properties, one table for each type: the only place where they are declared."""
