"""Language modelling: the next token at every step, and texts that go on from a prompt."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from seqjax import models
from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.running_text import RunningTextConfig
from seqjax.data.tokenizers import BEGIN, END, PADDING, UNKNOWN, Tokenizer
from seqjax.errors import UserError
from seqjax.models import ModelConfig, Params
from seqjax.models.mixers import make_mixer
from seqjax.tasks import decoding
from seqjax.tasks.decoding import Decoding, Sampling
from seqjax.tasks.metrics import Mean, Means
from seqjax.tasks.task import Batch, Options, Task

NEVER_WRITTEN = np.array([PADDING, UNKNOWN, END])


@dataclass(frozen=True)
class SamplingOptions(Options):
    """How a text goes on."""

    length: int = field(default=200, metadata={"help": "tokens to write"})
    temperature: float = field(
        default=1.0, metadata={"help": "divides the logits; 0 always takes the likeliest token"}
    )
    top_k: int = field(default=0, metadata={"help": "draw from so many likeliest tokens; 0: all"})
    top_p: float = field(
        default=1.0, metadata={"help": "draw from the fewest tokens that have this share together"}
    )
    seed: int = field(default=0, metadata={"help": "of what is drawn"})

    def __post_init__(self) -> None:
        for name, works, remedy in (
            ("length", self.length >= 1, "at least 1"),
            ("temperature", 0 <= self.temperature < math.inf, "at least 0"),
            ("top_k", self.top_k >= 0, "at least 0"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("seed", 0 <= self.seed < 2**32, "at least 0 and below 2**32"),
        ):
            if not works:
                raise UserError(f"--{name}={getattr(self, name)} must be {remedy}.")


@dataclass(frozen=True)
class LanguageModel(Task):
    """Cross-entropy of each token, given those before it.

    A batch holds `tokens` [batch, time + 1], `tokens_length` [batch], `characters` [batch, time +
    1] for which the tokens stand, `context` [batch], the number of first questions that do not
    count, and `weight` [batch]. Nothing is masked: what pads comes last, and no step before it
    sees it.
    """

    data: type[DataConfig] = RunningTextConfig
    options = SamplingOptions
    best = "nats_per_character"

    def complete(self, config: ModelConfig, facts: DataFacts) -> ModelConfig:
        """Vocabulary in, vocabulary out; refuses models that see later steps."""
        steps = self.steps(facts)
        seeing = [mixer for mixer in config.pattern if not make_mixer(mixer, config).causal]
        if seeing:
            field, value = ("bidirectional", False) if config.bidirectional else ("causal", True)
            raise UserError(
                f"model.{field}={getattr(config, field)} lets {seeing[0]} see the tokens that a "
                f"language model is asked for: set it to {value}."
            )
        if config.pool != "none":
            raise UserError(
                f"model.pool={config.pool!r} gives one answer, and a language model is asked at "
                f"every step: set it to 'none'."
            )
        if config.positions == "learned" and config.max_positions < steps:
            raise UserError(
                f"model.max_positions={config.max_positions} learned positions do not reach over "
                f"data.length={steps}: raise it, or shorten data.length."
            )
        size = facts.vocabulary_size
        return config.with_sizes(vocabulary_size=size, outputs=size)

    def lengths(self, facts: DataFacts) -> dict[str, tuple[int, ...]]:
        """All but the last of a window: they are given, and all but the first are asked for."""
        return {"tokens": (facts.longest - 1,)}

    def means(
        self,
        config: ModelConfig,
        params: Params,
        batch: Batch,
        *,
        dropout_key: Array | None = None,
        label_smoothing: float = 0.0,
    ) -> Means:
        """`loss` in nats per token, smoothed where asked, and `nats_per_character`, never so."""
        return jax.tree.map(
            jnp.sum,
            self._sums(config, params, batch, batch["context"], dropout_key, label_smoothing),
        )

    def by_position(self, config: ModelConfig, params: Params, batch: Batch) -> Means:
        """The same at each step, all windows being asked at every one."""
        sums = self._sums(config, params, batch, jnp.zeros_like(batch["context"]))
        return jax.tree.map(lambda values: values.sum(axis=0), sums)

    def _sums(
        self,
        config: ModelConfig,
        params: Params,
        batch: Batch,
        context: Int[Array, " batch"],
        dropout_key: Array | None = None,
        label_smoothing: float = 0.0,
    ) -> Means:
        """Totals and counts of every question, [batch, time], but the first `context` ones."""
        tokens = batch["tokens"]
        logits, _ = models.apply(config, params, tokens[:, :-1], dropout_key=dropout_key)
        nats, smoothed = cross_entropy(logits, tokens[:, 1:], label_smoothing)
        step = jnp.arange(nats.shape[1])[None]
        asked = (step >= context[:, None]) & (step < batch["tokens_length"][:, None] - 1)
        weight = asked * batch["weight"][:, None]
        return {
            "loss": Mean(smoothed * weight, weight),
            "nats_per_character": Mean(nats * weight, batch["characters"][:, 1:] * weight),
        }

    def derived(self, metrics: dict[str, float]) -> dict[str, float]:
        """Perplexity, of tokens, and bits per character."""
        return metrics | {
            "perplexity": math.exp(min(metrics["loss"], 700.0)),  # what a float can hold
            "bits_per_character": metrics["nats_per_character"] / math.log(2),
        }

    def predict(
        self, config: ModelConfig, params: Params, batch: Batch, options: SamplingOptions
    ) -> Int[Array, "batch length"]:
        """The tokens that follow each prompt; PADDING after the end of a document.

        Where a model has no reach beyond `steps` at once (see `has_reach`), it starts again from
        the last ones whenever they are full.
        """
        writer = Writer(config, options, batch["tokens"].shape[1] - 1)
        choose = writer.chooser(batch["row"])

        def write(last: tuple, first: Array) -> tuple[tuple, Array]:
            context, mask, done = last
            state = writer.read(params, context, mask)._replace(done=done)
            step = partial(writer.step, params)
            tokens, state = decoding.extend(
                step, choose, state, writer.at_once, end=BEGIN, first=first
            )
            return (*moved(context, mask, tokens), state.done), tokens

        context, mask = writer.context(batch["tokens"], batch["tokens_length"])
        firsts = jnp.arange(0, options.length, writer.at_once)
        last = context, mask, jnp.zeros(len(context), bool)
        _, tokens = jax.lax.scan(write, last, firsts)
        written = tokens.swapaxes(0, 1).reshape(len(context), -1)
        return written[:, : options.length]

    def answers(
        self,
        predictions: np.ndarray,
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer,
        options: SamplingOptions,
    ) -> Sequence[str]:
        """The prompt and how it goes on."""
        rows = zip(batch["tokens"], batch["tokens_length"], predictions, strict=True)
        return [
            tokenizer.decode([*tokens[:length].tolist(), *written.tolist()])
            for tokens, length, written in rows
        ]

    def streamer(
        self, config: ModelConfig, options: SamplingOptions
    ) -> Callable[[Params, Batch, Tokenizer], Iterator[str]]:
        """The text of `predict` and `answers` for one prompt, token by token.

        Bytes at its end that make no whole character are left out.
        """
        compiled: dict[int, Callable] = {}

        def stream(params: Params, batch: Batch, tokenizer: Tokenizer) -> Iterator[str]:
            writer = Writer(config, options, batch["tokens"].shape[1] - 1)
            decode = tokenizer.decode_stream()
            yield "".join(map(decode, batch["tokens"][0, : batch["tokens_length"][0]].tolist()))
            context, mask = writer.context(batch["tokens"], batch["tokens_length"])
            if writer.steps not in compiled:
                compiled[writer.steps] = jax.jit(writer.read), jax.jit(writer.write_one)
            read, write_one = compiled[writer.steps]
            for first in range(0, options.length, writer.at_once):
                state = read(params, context, mask)
                written = []
                for number in range(first, min(first + writer.at_once, options.length)):
                    token, state = write_one(params, state, batch["row"], number)
                    written.append(token)
                    yield decode(int(token[0, 0]))
                    if state.done[0]:
                        return
                context, mask = moved(context, mask, jnp.concatenate(written, axis=1))

        return stream


class Writer:
    """How a model reads a context of fixed size and goes on from it, a piece at once.

    `steps` is the number that it was trained to read at once.
    """

    def __init__(self, config: ModelConfig, options: SamplingOptions, steps: int) -> None:
        self.config = config
        self.options = options
        self.steps = steps
        self.sampling = Sampling(options.temperature, options.top_k, options.top_p)
        self.at_once = options.length
        self.size = steps  # of the context
        if has_reach(config):
            # A context is at least half of what the model can hold, so that each token has one.
            self.at_once = min(options.length, max(1, steps // 2))
            self.size = max(1, steps - self.at_once)

    def context(
        self, tokens: Int[Array, "batch time"], length: Int[Array, " batch"]
    ) -> tuple[Int[Array, "batch size"], Bool[Array, "batch size"]]:
        """The last tokens of each prompt, at the right, and which of them are real."""
        places = length[:, None] - self.size + jnp.arange(self.size)[None]
        return jnp.take_along_axis(tokens, jnp.maximum(places, 0), axis=1), places >= 0

    def read(
        self, params: Params, context: Int[Array, "batch size"], mask: Bool[Array, "batch size"]
    ) -> Decoding:
        """Where a model stands that has read nothing but the context."""
        carry = models.init_carry(self.config, len(context), self.size + self.at_once)
        logits, carry = models.apply(self.config, params, context, carry, mask=mask)
        return decoding.start(writable(logits[:, -1]), carry)

    def step(self, params: Params, tokens: Int[Array, " batch"], carry: Any) -> tuple[Array, Any]:
        """One more token of each row."""
        logits, carry = models.apply(self.config, params, tokens[:, None], carry)
        return writable(logits[:, 0]), carry

    def chooser(self, rows: Int[Array, " batch"]) -> decoding.Choose:
        """Draws as the options say."""
        return self.sampling.chooser(self.options.seed, rows)

    def write_one(
        self, params: Params, state: Decoding, rows: Int[Array, " batch"], number: Int[Array, ""]
    ) -> tuple[Int[Array, "batch 1"], Decoding]:
        """The next token, which has that number."""
        step = partial(self.step, params)
        return decoding.extend(step, self.chooser(rows), state, 1, end=BEGIN, first=number)


def has_reach(config: ModelConfig) -> bool:
    """Whether a model knows only as many positions as it was trained on, or keeps every step."""
    return "attention" in config.pattern or config.positions in ("learned", "sinusoidal")


def moved(
    context: Int[Array, "batch size"],
    mask: Bool[Array, "batch size"],
    tokens: Int[Array, "batch count"],
) -> tuple[Int[Array, "batch size"], Bool[Array, "batch size"]]:
    """The context after more tokens."""
    size = context.shape[1]
    context = jnp.concatenate([context, tokens], axis=1)[:, -size:]
    mask = jnp.concatenate([mask, jnp.ones(tokens.shape, bool)], axis=1)[:, -size:]
    return context, mask


def writable(logits: Float[Array, "batch vocabulary"]) -> Float[Array, "batch vocabulary"]:
    """Without the tokens that stand for no text; BEGIN stays, which ends a document."""
    return logits.at[:, NEVER_WRITTEN].set(-jnp.inf)


def cross_entropy(
    logits: Float[Array, "batch time vocabulary"],
    targets: Int[Array, "batch time"],
    smoothing: float,
) -> tuple[Float[Array, "batch time"], Float[Array, "batch time"]]:
    """`-log p` of the targets, and the same against `(1 - smoothing) · one-hot + smoothing / V`.

    Without a one-hot array, which would be as large as the logits.
    """
    total = jax.nn.logsumexp(logits, axis=-1)
    nats = total - jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    if smoothing == 0:
        return nats, nats
    return nats, (1 - smoothing) * nats + smoothing * (total - logits.mean(axis=-1))
