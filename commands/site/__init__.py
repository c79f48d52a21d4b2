"""The documents as a site of static pages: `make docs`."""
