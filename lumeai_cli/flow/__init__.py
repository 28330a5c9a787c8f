"""One request through the proxy, in values: what is wanted, who may answer, what happens next, and why it went wrong.

`flow` is the brain: events in, commands out, without a socket and without a clock. `chat` is what the client wants,
`route` and `permission` who may answer it, `attempt` one request to one backend, `retry` what is tried after a failure,
`explanation` what the client is told of it, `refusal` what is never tried. `circuit` is how the backends did lately.
"""
