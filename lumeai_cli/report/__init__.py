"""Renders a report: one module a format, all of the same values."""
