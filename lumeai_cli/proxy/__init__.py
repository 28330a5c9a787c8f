"""The proxy: what stands between an agent and its backends, so that no empty answer leaves.

`flow` is the brain of one request, without I/O and without a clock; `driver` does what it says; `app` is the side that
clients see. `plan` is what it is started with.
"""
