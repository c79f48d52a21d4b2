"""What a drill asks of restored stores, and whether accounts get into them."""
