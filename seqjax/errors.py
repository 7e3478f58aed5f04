"""What a user can cause and mend."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake of the user's, told in one sentence: the field, its value, and what would work.

    Raised by any layer; caught once, at the edge of every command, which prints the sentence and
    ends with exit status 2. Programming errors are never a `UserError`: they keep their traceback.
    """


class Diverged(UserError):
    """A training whose numbers are no longer finite."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What to write in the place of a misspelt `word`, as the end of a sentence."""
    known = list(known)
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(known)}."
