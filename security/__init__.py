"""What protects data inside the stores: field encryption and its keys."""
