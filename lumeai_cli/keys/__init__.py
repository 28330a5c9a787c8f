"""The proxy's API keys: their form, who holds one and what it allows, where they are kept, what they have used.

`token` is the text that a client sends, `key` what the store knows of it, `terms` what it allows. `store`, `limits` and
`usage` are protocols with SQLite behind them (`database`); `watch` is a running proxy's view of the keys.
"""
