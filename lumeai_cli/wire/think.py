"""Parts a thought that the model wrote into its text, `<think>...</think>`, from the answer, as the classic clients do.

Rules of Kilo up to 5.10, Roo and classic Cline (`XmlMatcher("think")`, read in cline 0eecda2,
`src/utils/xml-matcher.ts`; the first two rules run with the real class, 2025-11): the tag counts only if `<` is the
very first character of the answer; unclosed, it swallows all the rest. Thoughts within the thought are counted, spaces
within a tag do not matter (`< think >`), a closing tag at the very beginning goes, and after the thought every tag is
plain text. The character that shows a tag to be none is not looked at again: `<</think>` closes nothing.
"""

import re

_TAG = re.compile(r"< *(?P<closing>/ *)?think *>")
_TRIED = re.compile(r"< *(?:/ *)?(?:t(?:h(?:i(?:n(?:k *)?)?)?)?)?.?", re.DOTALL)
"""What is spent on a tag that turns out to be none."""


def split_thought(text: str) -> tuple[str, str, bool]:
    """The thought at the head of the text, the rest, and whether no thought is left open (true where there is none)."""
    head = _TAG.match(text)
    if head is None:
        return "", text, True
    if head["closing"]:
        return "", text[head.end() :], True
    depth, place = 1, text.find("<", head.end())
    run = last = head.end()  # where the tags before this place begin, and where they end
    while place >= 0:
        tag = _TAG.match(text, place)
        if tag is not None:
            depth += -1 if tag["closing"] else 1
            run, last = run if place == last else place, tag.end()
            if not depth:
                return text[head.end() : run], text[last:], True  # tags right before the last one go with it
        spent = tag or _TRIED.match(text, place)
        place = text.find("<", spent.end() if spent else place + 1)
    return text[head.end() :], "", False
