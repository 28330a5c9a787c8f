"""The proxy's process: what stands between an agent and its backends, so that no empty answer leaves.

`app` is the side that clients see, `driver` does what the `flow` of one request says, `server` and `workers` are the
processes around them. `plan` is what they are started with.
"""
