"""The command line: one module a command, each parses, calls, renders and returns an exit code."""
