"""Mends tool calls: arguments that do not fit, calls written as text or in the other protocol. All of it is pure."""
