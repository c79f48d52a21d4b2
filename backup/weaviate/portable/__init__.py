"""Weaviate's content independent of its version: schemas as JSON, objects with their vectors as compressed JSON lines."""
