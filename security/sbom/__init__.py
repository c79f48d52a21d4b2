"""What an image consists of, as a CycloneDX document: Debian's packages, the modules of Go programs, and Python's packages."""
