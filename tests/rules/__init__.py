"""One test for each row of guards.md section 1, named after the row's correct rule."""
