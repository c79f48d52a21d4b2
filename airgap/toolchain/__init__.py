"""The Pulumi CLI, the Python language host and the Docker provider plugin, for machines where the official ones can't be downloaded."""
