"""What protects data inside the stores: fields that are sealed in the application, and the ring of keys that opens them."""
