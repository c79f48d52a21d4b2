"""The specification, statement by statement, and the documents' promises: each with where it is met and the test that shows it."""
