"""Weaviate's content in a form that no version of it owns: schemas as JSON, objects with their vectors as compressed JSON lines."""
