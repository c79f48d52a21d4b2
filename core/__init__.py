"""The ground floor: used by every room, and using none of them."""
