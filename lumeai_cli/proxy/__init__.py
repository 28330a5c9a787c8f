"""The proxy: what stands between an agent and its backends, so that no empty answer leaves."""
