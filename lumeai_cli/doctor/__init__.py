"""Examines backends: asks them what an agent would ask, and finds the one cause."""
