"""Sets and their manifests: what is in one, where it lies, how it is encrypted and signed, and which are due or kept."""
