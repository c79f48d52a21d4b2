"""The Pulumi CLI, the Python language host and the Docker provider plugin, for machines that can't download the official ones."""
