"""What a person at a terminal asks: how the platform is, what the machine lacks, a prompt in a store, the logs."""
