"""Models by word and size: the same blocks around every mixer, equal in parameters."""

import re
from dataclasses import replace
from typing import Any, NamedTuple

from seqjax.errors import UserError, did_you_mean
from seqjax.models.config import ModelConfig
from seqjax.models.encoder_decoder import EncoderDecoderConfig
from seqjax.models.matching import match_parameters

PATTERNS: dict[str, tuple[str, ...]] = {
    "bag": (),
    "rnn": ("rnn",),
    "lstm": ("lstm",),
    "gru": ("gru",),
    "mingru": ("mingru",),
    "minlstm": ("minlstm",),
    "lru": ("lru",),
    "rglru": ("rglru",),
    "ssd": ("ssd",),
    "gated_deltanet": ("gated_deltanet",),
    "paragru": ("paragru",),
    "paralstm": ("paralstm",),
    "transformer": ("attention",),
    "hybrid": ("rglru", "rglru", "local_attention"),  # Griffin (De et al. 2024)
}


class Size(NamedTuple):
    """How large the models of one size word are."""

    blocks: int  # a pattern is repeated until it has at least as many
    embedding_size: int
    parameters: int  # outside the embedding and output tables


SIZES = {
    "tiny": Size(blocks=2, embedding_size=64, parameters=100_000),
    "small": Size(blocks=4, embedding_size=128, parameters=1_000_000),
    "base": Size(blocks=6, embedding_size=384, parameters=10_000_000),
}


def sized(word: str, size: str, **settings: Any) -> ModelConfig:
    """The model of a preset word with the parameters of a size word, or a number of parameters.

    Every one is a stack of pre-norm residual blocks with a two-layer GELU feed-forward; attention
    has rotary positions, and is causal where it is local. `settings` are fields of `ModelConfig`
    that the task decides. `bag` has no blocks to match.
    """
    size_of_word = _looked_up(word, size)
    return match_parameters(_stack(word, size_of_word, 1, **settings), size_of_word.parameters)


def sized_pair(
    word: str, size: str, *, attention: bool = True, **settings: Any
) -> EncoderDecoderConfig:
    """An encoder and a decoder of a preset word, together with the parameters of a size word.

    The stacks are those of `sized`, half as deep each, on one table of embeddings. The encoder sees
    the whole source where its mixer can: attention that is not local, and the recurrences of
    Bahdanau et al. (2015), `rnn`, `lstm` and `gru`, which run in both directions without anything
    around them. Without `attention`, the decoder starts from the encoder's last states (Sutskever
    et al. 2014) and sees nothing else. `settings` are fields of both sides.
    """
    size_of_word = _looked_up(word, size)
    if not PATTERNS[word]:
        raise UserError(f"The preset {word!r} has no blocks that could look at a source.")
    side = _stack(word, size_of_word, 2, pool="none", **settings)
    encoder, decoder = side, replace(side, cross_attention=attention)
    if word == "transformer":
        encoder = replace(side, causal=False)
    elif word in ("rnn", "lstm", "gru") and attention:
        plain = {"residual": False, "norm": "none", "final_norm": False, "feed_forward": "none"}
        encoder = replace(side, bidirectional=True, **plain)
    pair = EncoderDecoderConfig(encoder, decoder, pass_state=not attention, share_embedding=True)
    return match_parameters(pair, size_of_word.parameters)


def _looked_up(word: str, size: str) -> Size:
    """The size of a word, or, at a number of parameters, the next smaller one brought to it."""
    if word not in PATTERNS:
        raise UserError(f"There is no preset {word!r}: {did_you_mean(word, PATTERNS)}")
    if size in SIZES:
        return SIZES[size]
    if not re.fullmatch(r"[1-9][0-9]*(_[0-9]+)*", size):
        raise UserError(
            f"size={size!r} is neither a number of parameters nor a size of a preset: "
            f"{did_you_mean(size, SIZES)}"
        )
    parameters = int(size)
    smaller = [found for found in SIZES.values() if found.parameters <= parameters]
    return (smaller or [SIZES["tiny"]])[-1]._replace(parameters=parameters)


def _stack(word: str, size: Size, stacks: int, **settings: Any) -> ModelConfig:
    """One of so many stacks that have the blocks of a size between them, not yet matched."""
    unit = PATTERNS[word]
    if not unit:
        return ModelConfig(pattern=(), **{"embedding_size": size.embedding_size} | settings)
    attention = {"attention", "local_attention"} & set(unit)
    start = ModelConfig(
        pattern=unit * -(-size.blocks // (stacks * len(unit))),
        embedding_size=size.embedding_size,
        width=128,
        inner_size=192,
        feed_forward_size=256,
        feed_forward="two_layer",
        activation="gelu",
        norm="pre",
        final_norm=True,
        residual=True,
        positions="rotary" if attention else "none",
        window=128 if "local_attention" in unit else 0,
    )
    if "local_attention" in unit:
        settings["causal"] = True
    return replace(start, **settings)
