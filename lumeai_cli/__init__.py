"""lumeai: names the one reason why a coding agent gets no answer from a model, and cures it."""

__version__ = "0.1.0"
