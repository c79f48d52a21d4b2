"""Applications to start from. They import the library `christmas` and nothing else of this project."""
