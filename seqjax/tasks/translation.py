"""Translation: a sentence in, a sentence of another language out, by an encoder and a decoder."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from seqjax import models
from seqjax.data.arrays import Split
from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.sentence_pairs import SentencePairsConfig
from seqjax.data.tokenizers import BEGIN, END, PADDING, UNKNOWN, Tokenizer
from seqjax.errors import UserError
from seqjax.models import EncoderDecoderConfig, Params
from seqjax.tasks.beam_search import beam_search
from seqjax.tasks.language_model import cross_entropy
from seqjax.tasks.metrics import Mean, Means
from seqjax.tasks.task import Batch, Options, Task

NEVER_WRITTEN = np.array([PADDING, UNKNOWN, BEGIN])


@dataclass(frozen=True)
class SearchOptions(Options):
    """How a translation is sought."""

    beams: int = field(
        default=4, metadata={"help": "hypotheses that are followed; 1 takes the likeliest token"}
    )
    length_penalty: float = field(
        default=0.6, metadata={"help": "prefers longer translations; 0 the most probable one"}
    )

    def __post_init__(self) -> None:
        for name, works, remedy in (
            ("beams", self.beams >= 1, "at least 1"),
            ("length_penalty", 0 <= self.length_penalty < math.inf, "at least 0"),
        ):
            if not works:
                raise UserError(f"--{name}={getattr(self, name)} must be {remedy}.")


@dataclass(frozen=True)
class Translation(Task):
    """Cross-entropy of each target token, given the source and the target tokens before it.

    A batch holds `source` [batch, steps] with `source_length`, `target` [batch, time + 1] with
    `target_length`, of which all but the last go into the decoder and all but the first are asked
    for (teacher forcing), and `weight` [batch].
    """

    data: type[DataConfig] = SentencePairsConfig
    model = EncoderDecoderConfig
    options = SearchOptions
    writes = True

    def complete(self, config: EncoderDecoderConfig, facts: DataFacts) -> EncoderDecoderConfig:
        """The vocabulary of either side; refuses learned positions that do not reach."""
        sizes = facts.vocabulary_size, facts.target_vocabulary_size or facts.vocabulary_size
        if config.share_embedding and facts.target_vocabulary_size:
            raise UserError(
                "model.share_embedding=True needs one vocabulary for both languages: set "
                "data.joint=True, or model.share_embedding=False."
            )
        longest = facts.boundaries["source"][-1], facts.boundaries["target"][-1] - 1
        for side, steps in zip(("encoder", "decoder"), longest, strict=True):
            stack = getattr(config, side)
            if stack.positions == "learned" and stack.max_positions < steps:
                raise UserError(
                    f"model.{side}.max_positions={stack.max_positions} learned positions do not "
                    f"reach over {steps} tokens: raise it, or lower data.max_length."
                )
        return replace(
            config,
            encoder=config.encoder.with_sizes(vocabulary_size=sizes[0]),
            decoder=config.decoder.with_sizes(vocabulary_size=sizes[1], outputs=sizes[1]),
        )

    def lengths(self, facts: DataFacts) -> dict[str, tuple[int, ...]]:
        """A whole source, and all but the last token of a target, which is asked for alone."""
        target = tuple(length - 1 for length in facts.boundaries["target"])
        return facts.boundaries | {"target": target}

    def means(
        self,
        config: EncoderDecoderConfig,
        params: Params,
        batch: Batch,
        *,
        dropout_key: Array | None = None,
        label_smoothing: float = 0.0,
    ) -> Means:
        """`loss` in nats per target token, smoothed where asked, and the `accuracy` of tokens."""
        sums = self._sums(config, params, batch, dropout_key, label_smoothing)
        return jax.tree.map(jnp.sum, sums)

    def by_position(self, config: EncoderDecoderConfig, params: Params, batch: Batch) -> Means:
        """The same at each step of the target."""
        sums = self._sums(config, params, batch)
        return jax.tree.map(lambda values: values.sum(axis=0), sums)

    def _sums(
        self,
        config: EncoderDecoderConfig,
        params: Params,
        batch: Batch,
        dropout_key: Array | None = None,
        label_smoothing: float = 0.0,
    ) -> Means:
        """Totals and counts of every target token, [batch, time]."""
        encoded = models.encode(
            config, params, batch["source"], mask=source_mask(batch), dropout_key=dropout_key
        )
        asked = batch["target"][:, 1:]
        # What pads comes last, and no step before it sees it.
        logits, _ = models.decode(
            config, params, batch["target"][:, :-1], encoded, dropout_key=dropout_key
        )
        _, losses = cross_entropy(logits, asked, label_smoothing)
        real = jnp.arange(asked.shape[1])[None] < batch["target_length"][:, None] - 1
        weight = real * batch["weight"][:, None]
        return {
            "loss": Mean(losses * weight, weight),
            "accuracy": Mean((logits.argmax(-1) == asked) * weight, weight),
        }

    def derived(self, metrics: dict[str, float]) -> dict[str, float]:
        """Perplexity, of target tokens."""
        return metrics | {"perplexity": math.exp(min(metrics["loss"], 700.0))}

    def predict(
        self, config: EncoderDecoderConfig, params: Params, batch: Batch, options: SearchOptions
    ) -> Int[Array, "batch length"]:
        """The tokens of a translation of each source; PADDING after its END."""
        return self.search(config, params, batch, options)[0]

    def search(
        self, config: EncoderDecoderConfig, params: Params, batch: Batch, options: SearchOptions
    ) -> tuple[Int[Array, "batch length"], Float[Array, " batch"]]:
        """The translations and what each is worth, as `beam_search` has it."""

        def step(tokens, carry):
            logits, carry = models.decode(config, params, tokens[:, None], carry=carry)
            return writable(logits[:, 0]), carry

        def reorder(carry, rows):
            return models.take_rows(config.decoder, carry, rows, memory=False)

        encoded = models.encode(config, params, batch["source"], mask=source_mask(batch))
        rows, length = len(batch["source"]), most_tokens(config, batch["source"].shape[1])
        carry = models.start_decoding(config, params, encoded, 1 + length)  # BEGIN comes first
        logits, carry = step(jnp.full(rows, BEGIN, jnp.int32), carry)
        each = jnp.repeat(jnp.arange(rows), options.beams)
        return beam_search(
            step,
            reorder,
            logits[each],
            models.take_rows(config.decoder, carry, each),
            options.beams,
            length,
            end=END,
            length_penalty=options.length_penalty,
        )

    def answers(
        self,
        predictions: np.ndarray,
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer,
        options: SearchOptions,
    ) -> Sequence[str]:
        """The translations; that of a blank line, whose source is END alone, is blank."""
        return [
            tokenizer.target.decode(row.tolist()) if length > 1 else ""
            for length, row in zip(batch["source_length"], predictions, strict=True)
        ]

    def score(self, answers: Sequence[str], references: Sequence[str]) -> dict[str, float | str]:
        """The BLEU of sacreBLEU (Post 2018), and the signature that says how it was counted."""
        from sacrebleu.metrics import BLEU  # which every command would wait for

        metric = BLEU()
        score = metric.corpus_score(list(answers), [list(references)]).score
        return {"bleu": score, "bleu_signature": str(metric.get_signature())}

    def state_bytes(self, config: EncoderDecoderConfig, split: Split) -> dict[str, float]:
        """The decoder's carry for a pair of the split's mean lengths, before beams multiply it."""
        steps, length = (
            math.ceil(split.columns[name].lengths.mean()) for name in ("source", "target")
        )

        def carry(params):
            encoded = models.encode(config, params, jnp.zeros((1, steps), jnp.int32))
            return models.start_decoding(config, params, encoded, length)

        arrays = jax.tree.leaves(jax.eval_shape(carry, models.abstract(config)[0]))
        return {"state_bytes_per_pair": sum(array.size * array.dtype.itemsize for array in arrays)}


def source_mask(batch: Batch) -> Bool[Array, "batch steps"]:
    """True where a step of the source is real."""
    return jnp.arange(batch["source"].shape[1])[None] < batch["source_length"][:, None]


def most_tokens(config: EncoderDecoderConfig, source_steps: int) -> int:
    """How long a translation may become: twice as long as the source, and ten tokens more."""
    length = 2 * source_steps + 10
    learned = config.decoder.positions == "learned"
    return min(length, config.decoder.max_positions - 1) if learned else length


def writable(logits: Float[Array, "batch vocabulary"]) -> Float[Array, "batch vocabulary"]:
    """Without the tokens that stand for no text; END stays."""
    return logits.at[:, NEVER_WRITTEN].set(-jnp.inf)
