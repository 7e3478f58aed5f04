"""The claims of the article, in our words, each with what judges it and the verdict that it got.

`verdict` is what stands in print; a test fails where the committed rows no longer give it. Sections
are named by their subject.
"""

from collections.abc import Callable
from typing import NamedTuple

from experiments.article_claims.evidence import DEPENDS, FAILS, HOLDS, NOT_SHOWN, Evidence, Finding
from experiments.article_claims.judges import ability, counts, gradients, speed


class Claim(NamedTuple):
    """A sentence of the article, where it stands, and what is said of it here."""

    section: str
    statement: str
    experiment: str  # whose README tells more
    verdict: str
    judge: Callable[[Evidence], Finding]


BACKGROUND, RECURRENT = "background", "recurrent networks"
TRANSFORMERS, TRAINING = "Transformers", "training"
EXAMPLE, OUTLOOK = "code and results", "outlook and questions"

CLAIMS = (
    # Time, order in time, memory
    Claim(
        BACKGROUND,
        "Transformers train faster than RNNs, since they work on all steps at once.",
        "crossover",
        DEPENDS,
        speed.transformers_train_faster,
    ),
    Claim(
        OUTLOOK,
        "Accelerators help, and Transformers more than RNNs.",
        "article_claims",
        NOT_SHOWN,
        speed.accelerators_help,
    ),
    Claim(
        BACKGROUND,
        "An RNN has to take its steps one after another; attention has not.",
        "article_claims",
        HOLDS,
        counts.steps_wait,
    ),
    Claim(
        BACKGROUND,
        "A recurrence cannot be computed in parallel over time.",
        "article_claims",
        FAILS,
        counts.recurrences_cannot_be_parallel,
    ),
    Claim(
        RECURRENT,
        "RNNs are slow on long sequences, slower than attention (asked of a CPU alone).",
        "crossover",
        FAILS,
        speed.slow_on_long_sequences,
    ),
    Claim(
        RECURRENT,
        "The time of an RNN grows with the length of its input.",
        "article_claims",
        HOLDS,
        counts.grows_with_length,
    ),
    Claim(
        TRANSFORMERS,
        "Transformers are the more efficient ones on long sequences.",
        "article_claims",
        DEPENDS,
        counts.efficient_at_long_sequences,
    ),
    Claim(
        EXAMPLE,
        "A step of the RNN takes less than half the time of one of the Transformer (as printed).",
        "crossover",
        DEPENDS,
        speed.printed_step_times,
    ),
    Claim(
        OUTLOOK,
        "Transformers need more memory than RNNs.",
        "article_claims",
        HOLDS,
        counts.memory_of_training,
    ),
    # Gradients
    Claim(
        TRAINING,
        "Gradients of an RNN vanish over many steps.",
        "gradients",
        HOLDS,
        gradients.vanishing,
    ),
    Claim(
        TRAINING,
        "Gradients of an RNN explode where its recurrent weights are large.",
        "gradients",
        HOLDS,
        gradients.exploding,
    ),
    Claim(
        RECURRENT,
        "The gates of LSTM and GRU mitigate vanishing gradients.",
        "gradients",
        DEPENDS,
        gradients.gates_mitigate,
    ),
    Claim(
        TRAINING,
        "Clipping helps an RNN whose gradients explode.",
        "gradients",
        NOT_SHOWN,
        gradients.helps("clipping", "exploding"),
    ),
    Claim(
        TRAINING,
        "Clipping helps an RNN whose gradients vanish.",
        "gradients",
        FAILS,
        gradients.helps("clipping", "vanishing"),
    ),
    Claim(
        TRAINING,
        "Normalisation helps an RNN whose gradients explode.",
        "gradients",
        NOT_SHOWN,
        gradients.helps("normalisation", "exploding"),
    ),
    Claim(
        TRAINING,
        "Normalisation helps an RNN whose gradients vanish.",
        "gradients",
        NOT_SHOWN,
        gradients.helps("normalisation", "vanishing"),
    ),
    Claim(
        TRAINING,
        "Adaptive learning rates help an RNN whose gradients explode, more than SGD.",
        "gradients",
        DEPENDS,
        gradients.helps("Adam", "exploding"),
    ),
    Claim(
        TRAINING,
        "Adaptive learning rates help an RNN whose gradients vanish, more than SGD.",
        "gradients",
        NOT_SHOWN,
        gradients.helps("Adam", "vanishing"),
    ),
    Claim(
        TRAINING,
        "Clipping gradients makes an RNN better in an ordinary training.",
        "ablations",
        NOT_SHOWN,
        ability.clipping,
    ),
    Claim(
        TRAINING,
        "Normalisation makes an RNN better.",
        "ablations",
        NOT_SHOWN,
        ability.normalisation,
    ),
    Claim(
        TRAINING,
        "Adaptive learning rates help an RNN of the usual weights, more than SGD.",
        "gradients",
        NOT_SHOWN,
        gradients.helps("Adam", "fading"),
    ),
    Claim(
        TRANSFORMERS,
        "Gradients of Transformers are the more stable ones.",
        "gradients",
        DEPENDS,
        gradients.attention_is_more_stable,
    ),
    Claim(
        TRAINING,
        "The gradient of the recurrent weights is the sum over steps of dL/dh_t · dh_t/dW.",
        "article_claims",
        DEPENDS,
        counts.gradient_formula,
    ),
    # What is learned
    Claim(
        TRANSFORMERS,
        "Attention captures dependencies over long ranges that RNNs miss.",
        "long_range",
        DEPENDS,
        ability.misses_the_long_range,
    ),
    Claim(
        RECURRENT,
        "RNNs are good at dependencies over short ranges.",
        "gradients",
        HOLDS,
        gradients.good_at_short_range,
    ),
    Claim(
        RECURRENT,
        "RNNs are good at order in time.",
        "long_range",
        DEPENDS,
        ability.temporal_order,
    ),
    Claim(
        TRANSFORMERS,
        "Without positional encoding a Transformer does not know the order of its input.",
        "article_claims",
        HOLDS,
        counts.order_is_lost,
    ),
    Claim(
        TRANSFORMERS,
        "Nor does one with a causal mask and without positional encoding.",
        "article_claims",
        FAILS,
        counts.order_is_lost_under_a_causal_mask,
    ),
    Claim(
        TRANSFORMERS,
        "A Transformer needs positional encoding to understand a text.",
        "ablations",
        NOT_SHOWN,
        ability.positions_matter,
    ),
    Claim(
        TRANSFORMERS,
        "Several heads are better than one.",
        "ablations",
        NOT_SHOWN,
        ability.several_heads,
    ),
    Claim(
        TRANSFORMERS,
        "Sharing across heads gives multi-head attention fewer parameters.",
        "article_claims",
        FAILS,
        counts.heads_share_weights,
    ),
    Claim(
        RECURRENT,
        "An RNN needs weights of their own for every time step.",
        "article_claims",
        FAILS,
        counts.weights_for_each_step,
    ),
    Claim(
        EXAMPLE,
        "Embeddings may be scaled as h/√d ⊙ LayerNorm(h) (shown to cost at most 2 points).",
        "ablations",
        NOT_SHOWN,
        ability.article_scaling,
    ),
    Claim(
        EXAMPLE,
        "A feed-forward part of one layer, ReLU(W h + b), is enough (costs at most 2 points).",
        "ablations",
        NOT_SHOWN,
        ability.one_layer_feed_forward,
    ),
    Claim(
        EXAMPLE,
        "On the same data and settings the Transformer reaches the lower loss.",
        "sentiment",
        DEPENDS,
        ability.transformer_has_lower_loss,
    ),
    Claim(
        EXAMPLE,
        "On the same data and settings the Transformer is the more accurate one.",
        "sentiment",
        DEPENDS,
        ability.transformer_is_more_accurate,
    ),
    Claim(
        OUTLOOK,
        "Variational dropout helps RNNs.",
        "ablations",
        NOT_SHOWN,
        ability.variational_dropout,
    ),
    Claim(
        OUTLOOK,
        "Trained word vectors help.",
        "ablations",
        NOT_SHOWN,
        ability.word_vectors,
    ),
    Claim(
        OUTLOOK,
        "Hybrids of both can beat either.",
        "long_range",
        NOT_SHOWN,
        ability.hybrids_beat_either,
    ),
)
