"""Mends an answer on its way to the client: small steps, each with a name and a reach; no I/O, no clock."""
