"""Commands of an operator: audit, refund, personal data, and the setup and teardown of a stage."""
