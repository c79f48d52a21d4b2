"""What `make up` runs, and the runner and progress display that other rooms share."""
