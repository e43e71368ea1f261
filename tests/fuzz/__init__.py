"""Coverage-guided fuzzing: `make fuzz`, for FUZZ_SECONDS (an hour)."""
