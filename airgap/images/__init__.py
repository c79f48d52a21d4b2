"""The images of the services: their content, their names, and how to build them without an image registry."""
