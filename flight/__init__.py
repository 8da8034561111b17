"""Arrow Flight SQL: the same sessions, answered with Arrow batches as they are."""
