"""Everything around the deployed code: local run, packaging, checks, operator commands, TypeScript client."""
