"""Mends an answer on its way to the client: small steps, each with a name and a reach, without I/O and without a clock."""
