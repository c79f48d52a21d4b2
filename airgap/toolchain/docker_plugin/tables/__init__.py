"""What the resources' properties are, one table for each type: the only place where they are written down."""
