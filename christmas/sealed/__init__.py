"""Fields that only the application can read: sealed before they are stored, and the ring of keys that opens them."""
