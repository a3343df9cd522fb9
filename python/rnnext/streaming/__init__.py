"""Models fed step by step."""
