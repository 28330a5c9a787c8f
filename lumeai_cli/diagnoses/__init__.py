"""The catalogue of causes: each with a permanent code, one definition, a detector, and a page in two languages."""
