"""Tells whether a text shows anything: servers fill an empty answer with characters that nobody sees."""

import re

_INK = re.compile("[^\\s\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def shows(text: str) -> bool:
    """Whether anything in this text can be seen: more than white space, marks of direction, and joiners.

    The search ends with the first such character, which in most texts is the first or the second.
    """
    return _INK.search(text) is not None
