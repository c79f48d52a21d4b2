"""Sets and their manifests: content, location, encryption, signature, and which sets are due or kept."""
