"""Upstream servers: who they are, how to ask them; bytes are read in `wire`."""
