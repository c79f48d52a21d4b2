"""Fields that only the application can read: sealed before they are stored, and the key ring that opens them."""
