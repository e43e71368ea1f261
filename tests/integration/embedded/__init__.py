"""What the embedded AWS of the tests does more than that of `make run`."""
