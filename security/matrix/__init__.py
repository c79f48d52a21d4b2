"""The access matrix: what each account may do to each thing, as the blueprint declares it, and how that is tried at the servers.

`declared` reads the blueprint alone; `postgres`, `redis` and `weaviate` learn from the servers alone. They meet in a `Cell`.
"""
