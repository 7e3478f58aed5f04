"""Python's own help texts: English prose with grammar and code, which every Python carries.

Origin: `pydoc_data.topics` of the standard library, which is generated from the language reference
(Python Software Foundation Licence 2; read from the running Python, copied nowhere). 79 topics of
465,000 characters in Python 3.11; other versions have other texts, so `origin` names the version
and the texts' hash. The topics repeat each other: a fifth of the characters are paragraphs that
occurred in another one before, which are dropped.
"""

import hashlib
import platform
import re

from seqjax.errors import UserError

SHARE = 10  # valid and test get one in so many characters each, at most


def read_topics() -> dict[str, str]:
    """The text of every topic, without the paragraphs that an earlier one has."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise UserError(
            "data.source='pydoc_topics' reads pydoc_data.topics of the standard library, which "
            "this Python lacks: install the whole of it, or set data.source='files'."
        ) from error
    return without_repeats(topics)


def without_repeats(topics: dict[str, str]) -> dict[str, str]:
    """Each paragraph where it occurs first, in the alphabetic order of the topics."""
    seen: set[str] = set()
    kept = {}
    for name in sorted(topics):
        new = []
        for paragraph in re.split(r"\n{2,}", topics[name].strip("\n")):
            if paragraph not in seen:
                seen.add(paragraph)
                new.append(paragraph)
        if new:
            kept[name] = "\n\n".join(new) + "\n"
    return kept


def origin() -> dict[str, str]:
    """What tells one text from another."""
    return {"python": platform.python_version(), "sha256": _hash("\0".join(read_topics().values()))}


def read_splits() -> dict[str, list[str]]:
    """Whole topics: none, and no paragraph, is in two splits.

    In the order of a hash, a topic goes to that of valid and test which has more room left of a
    tenth of all characters, or to train where the topic is larger than that.
    """
    topics = read_topics()
    room = dict.fromkeys(("valid", "test"), sum(map(len, topics.values())) // SHARE)
    splits: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for name in sorted(topics, key=_hash):
        roomier = max(room, key=room.get)
        if len(topics[name]) <= room[roomier]:
            splits[roomier].append(topics[name])
            room[roomier] -= len(topics[name])
        else:
            splits["train"].append(topics[name])
    return splits


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
