"""Who is let in at the proxy's door, and how often: keys, strangers, wrong keys, limits, what was used.

`gate` is the whole of it for one process, `guard` how it was told to behave. `auth` reads a key out of a request's
headers, `door` tells web pages from programs where no key is asked for, `tries` slows down who guesses; `books` are
the way to the store, the `counter` is a part of them, and an `entry` is a request that was let in.
"""
