"""The Pulumi program, its components and provider, and the connections to a running stack."""
