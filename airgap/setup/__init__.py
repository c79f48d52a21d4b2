"""The steps of `make up`, with the runner and progress display that other rooms share."""
