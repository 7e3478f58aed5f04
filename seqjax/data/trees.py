"""Sentiment of sentences and of every phrase within them: files of labelled trees.

The Stanford Sentiment Treebank (SST; Socher et al. 2013, "Recursive Deep Models for Semantic
Compositionality Over a Sentiment Treebank"; no licence is stated, its authors ask for the citation)
comes as one tree a line, `(3 (2 It) (4 (2 is) (4 good)))`, with a label from 0 (very negative) to 4
(very positive) at each phrase. SST-2 asks whether a text is negative (0, 1) or positive (3, 4), and
has no neutral ones. Training reads every phrase (77,616 distinct ones in the treebank's 8,544
training trees), validation and test the whole sentences (872 and 1,821).
"""

import re
from collections.abc import Iterator

from seqjax.data import files
from seqjax.data.texts import Texts
from seqjax.errors import UserError

PIECES = re.compile(r"\s*(?:\(\s*([0-4])|(\))|([^\s()]+))")
LABELS = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}
ESCAPES = {"-LRB-": "(", "-RRB-": ")", "``": '"', "''": '"'}


def read(field: str, name: str, *, phrases: bool) -> Texts:
    """The distinct sentences of a file, or all `phrases` within them, that are not neutral."""
    origin = f"{field}={name!r}"
    line_of: dict[tuple[str, str], int] = {}  # the first, of each text and label
    for line, tree in enumerate(files.decoded(files.locate(field, name), origin), start=1):
        if tree.strip():
            labelled = list(phrases_of(tree, f"{origin}, line {line}"))
            for label, text in labelled if phrases else labelled[-1:]:
                if label in LABELS:
                    line_of.setdefault((text, LABELS[label]), line)
    if not line_of:
        raise UserError(f"{origin} has no rows: every split needs at least one.")
    texts, labels = zip(*line_of, strict=True)
    return Texts(texts, labels, origin, tuple(line_of.values()))


def phrases_of(tree: str, where: str) -> Iterator[tuple[str, str]]:
    """The label and the text of every phrase of a tree, the whole sentence last.

    UserError, which begins with `where`, for a line that is no tree.
    """
    no_tree = UserError(
        f"{where}: no labelled tree such as (3 (2 It) (4 (2 is) (4 good))), with labels 0 to 4."
    )
    opened: list[tuple[str, int]] = []  # labels of the phrases around, and their first words
    words: list[str] = []
    position, closed = 0, False
    while position < len(tree.rstrip()):
        piece = PIECES.match(tree, position)
        if not piece or closed:
            raise no_tree
        position = piece.end()
        label, close, word = piece.groups()
        if label:
            opened.append((label, len(words)))
        elif not opened:
            raise no_tree
        elif word:
            words.append(ESCAPES.get(word, word.replace("\\/", "/")))
        elif close:
            label, first = opened.pop()
            if first == len(words):
                raise no_tree
            yield label, " ".join(words[first:])
            closed = not opened
    if not closed:
        raise no_tree
