"""Texts to token ids and back: word, character and byte-pair tokenizers.

All three are the `tokenizers` library's, so that a run's `tokenizer.json` is readable by others.
Token 0 pads, 1 stands for what is unknown, 2 and 3 begin and end a sequence.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
import tokenizers
from etils import epath
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from seqjax.data.arrays import Ragged
from seqjax.errors import UserError, did_you_mean

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[BOS]", "[EOS]")
PADDING, UNKNOWN, BEGIN, END = range(4)
TOKENIZERS = ("word", "character", "bpe")
SMALLEST_VOCABULARY = {"word": 5, "character": 5, "bpe": 260}  # bpe: 4 special tokens, 256 bytes

# A word is a run of letters, digits and apostrophes, or one punctuation mark.
WORD = r"[\p{L}\p{M}\p{N}']+|[^\s\p{L}\p{M}\p{N}']"
# Both bound the memory of an encoding's Python objects.
ROWS_AT_ONCE = 4096
PIECES_AT_ONCE, PIECE = 16, 2**14  # characters


class TokenizerSettings(Protocol):
    """The settings of a kind of data that has a tokenizer."""

    tokenizer: str
    lowercase: bool
    vocabulary_size: int


class Tokenizer:
    """A trained tokenizer of the library, seen as functions of plain strings and arrays.

    `target` is the tokenizer of translations: itself, or another where languages have a vocabulary
    each.
    """

    def __init__(
        self, library_tokenizer: tokenizers.Tokenizer, target: "Tokenizer | None" = None
    ) -> None:
        self._tokenizer = library_tokenizer
        # A text that happens to hold the characters "[PAD]" holds no padding.
        self._tokenizer.encode_special_tokens = True
        self.target = target or self

    def with_target(self, target: "Tokenizer") -> "Tokenizer":
        """The same with another tokenizer for translations."""
        return Tokenizer(self._tokenizer, target)

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids, the special ones included."""
        return self._tokenizer.get_vocab_size()

    @property
    def vocabulary(self) -> list[str]:
        """The token of every id."""
        return [self._tokenizer.id_to_token(number) for number in range(self.vocabulary_size)]

    def encode_batch(self, texts: Sequence[str]) -> Ragged:
        """The token ids of each text, int32.

        A text without any token (an empty one) becomes one unknown token, so that every row has a
        step to compute on.
        """
        rows = []
        for start in range(0, len(texts), ROWS_AT_ONCE):
            chunk = [_clean(text) for text in texts[start : start + ROWS_AT_ONCE]]
            for encoding in self._tokenizer.encode_batch_fast(chunk):
                rows.append(np.asarray(encoding.ids or [UNKNOWN], np.int32))
        return Ragged.from_rows(rows, np.int32)

    def encode_long(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """The token ids of a text of any length, and how many of its characters each stands for.

        Both int32 [tokens]. A token stands for the characters up to its end, those that are not
        part of any token included, so that the counts add up to the length of the text.
        """
        ids, ends, start = [], [], 0
        for pieces in _batched(_pieces(_clean(text)), PIECES_AT_ONCE):
            for piece, encoding in zip(pieces, self._tokenizer.encode_batch(pieces), strict=True):
                ids.append(np.asarray(encoding.ids, np.int32))
                ends.append(start + np.array([end for _, end in encoding.offsets], np.int64))
                start += len(piece)
        ids = np.concatenate(ids) if ids else np.zeros(0, np.int32)
        if not len(ids):
            return ids, ids
        # The bytes of one character may be several tokens: the first of them stands for it.
        ends = np.maximum.accumulate(np.concatenate(ends))
        ends[-1] = start
        return ids, np.diff(ends, prepend=0).astype(np.int32)

    def decode_stream(self) -> Callable[[int], str]:
        """A function of one token id after another that gives what each adds to the text."""
        stream = decoders.DecodeStream(skip_special_tokens=True)
        return lambda number: stream.step(self._tokenizer, number) or ""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of one row of token ids, without the special tokens."""
        return self._tokenizer.decode(list(ids))

    def save(self, path: epath.PathLike) -> None:
        """Writes the library's `tokenizer.json`, whole or not at all; beside it the target's."""
        path = epath.Path(path)
        if self.target is not self:
            self.target.save(_path_of_target(path))
        incomplete = path.with_name(f"{path.name}.incomplete")
        incomplete.write_text(self._tokenizer.to_str())
        incomplete.replace(path)

    @classmethod
    def load(cls, path: epath.PathLike) -> "Tokenizer":
        """Reads what `save` wrote."""
        path = epath.Path(path)
        beside = _path_of_target(path)
        return cls(_read(path), cls(_read(beside)) if beside.exists() else None)


def _read(path: epath.Path) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_str(path.read_text())
    except Exception as error:  # the library raises nothing more specific
        raise UserError(f"{path} is not a readable tokenizer file ({error}).") from error


def _path_of_target(path: epath.Path) -> epath.Path:
    return path.with_name(f"target_{path.name}")


def check(config: TokenizerSettings) -> None:
    """UserError where there is no such tokenizer, or none of that size."""
    if config.tokenizer not in TOKENIZERS:
        raise UserError(
            f"data.tokenizer={config.tokenizer!r} is unknown; "
            f"{did_you_mean(config.tokenizer, TOKENIZERS)}"
        )
    smallest = SMALLEST_VOCABULARY[config.tokenizer]
    if config.vocabulary_size < smallest:
        raise UserError(
            f"data.vocabulary_size={config.vocabulary_size} must be at least {smallest} "
            f"for data.tokenizer={config.tokenizer!r}."
        )


def train(texts: Iterable[str], config: TokenizerSettings) -> Tokenizer:
    """Trains the tokenizer `config.tokenizer` on the training split's texts.

    Of words, and of characters, the most frequent get an id; of equally frequent ones the
    alphabetically first. Byte-pair merges start from the 256 bytes, so no text is unknown to them.
    """
    tokenizer, trainer = _untrained(config)
    if config.lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.train_from_iterator(map(_clean, texts), trainer)
    return Tokenizer(tokenizer)


def of_words(words: Sequence[str]) -> Tokenizer:
    """A tokenizer of these words, which get the ids after the special tokens in their order."""
    vocabulary = {word: number for number, word in enumerate((*SPECIAL_TOKENS, *words))}
    tokenizer = tokenizers.Tokenizer(
        models.WordLevel(vocabulary, unk_token=SPECIAL_TOKENS[UNKNOWN])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return Tokenizer(tokenizer)


def _untrained(config: TokenizerSettings) -> tuple[tokenizers.Tokenizer, trainers.Trainer]:
    options = {
        "vocab_size": config.vocabulary_size,
        "special_tokens": list(SPECIAL_TOKENS),
        "show_progress": False,
    }
    if config.tokenizer == "bpe":
        tokenizer = tokenizers.Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        return tokenizer, trainers.BpeTrainer(initial_alphabet=alphabet, **options)
    tokenizer = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNKNOWN]))
    if config.tokenizer == "word":
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
        tokenizer.decoder = decoders.Fuse()
    return tokenizer, trainers.WordLevelTrainer(**options)


def _pieces(text: str) -> Iterator[str]:
    """The text in parts of about `PIECE` characters, cut after a line where there is one."""
    start = 0
    while start < len(text):
        end = start + PIECE
        end = text.rfind("\n", start, end) + 1 or end if end < len(text) else len(text)
        yield text[start:end]
        start = end


def _batched(items: Iterator[str], size: int) -> Iterator[list[str]]:
    while batch := list(islice(items, size)):
        yield batch


def _clean(text: str) -> str:
    """The text without lone surrogates, which are no characters and which the library refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")
