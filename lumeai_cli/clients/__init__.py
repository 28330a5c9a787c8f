"""What each client generation sends, and what its user would see for a given answer."""
