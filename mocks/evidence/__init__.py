"""Contract deposit (存证): signatures, and a chain of records for each bank."""
