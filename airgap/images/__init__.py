"""The images of the four services: their content, their names, and how to build them without an image registry."""
