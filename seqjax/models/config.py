"""What a model is: every setting of the stack, in the order in which the data meets them."""

from dataclasses import dataclass, replace

from seqjax.errors import UserError

CHOICES = {
    "positions": ("none", "sinusoidal", "learned", "rotary", "alibi"),
    "embedding_scale": ("none", "sqrt", "article"),
    "norm": ("none", "pre", "post"),
    "feed_forward": ("none", "two_layer", "one_layer"),
    "activation": ("relu", "squared_relu", "gelu"),
    "recurrent_activation": ("tanh", "sigmoid", "relu"),
    "pool": ("last", "mean", "max", "none"),
    "linear_recurrence": ("auto", "sequential", "associative", "chunked"),
    "nonlinear_recurrence": ("auto", "sequential", "parallel"),
    "matrix_recurrence": ("auto", "sequential", "associative", "chunked"),
    "attention": ("auto", "plain", "blockwise", "kernel"),
    "remat": ("none", "elementwise", "block"),
    "dtype": ("float32", "bfloat16"),
}


@dataclass(frozen=True)
class ModelConfig:
    """A stack: frontend, blocks (one for each word of `pattern`), head."""

    # What the data decides; 0 means: taken from the data.
    vocabulary_size: int = 0  # tokens come in, through an embedding table
    input_size: int = 0  # frames of this size come in, through a linear projection
    outputs: int = 0  # logits that come out; a model that has none gives the steps themselves

    # Frontend
    embedding_size: int = 64  # 0: frames enter the first block as they are
    embedding_scale: str = "none"  # sqrt: × √d (2017); article: h/√d ⊙ LayerNorm(h)
    positions: str = "none"  # added to the embedded input; rotary and alibi: within attention
    max_positions: int = 512  # rows of the table of learned positions

    # Blocks
    pattern: tuple[str, ...] = ("rnn",)  # the mixers, first to last; () is a mean of embeddings
    width: int = 128  # size of the vectors between blocks, and of a recurrent state
    norm: str = "none"  # pre: x + f(norm(x)); post: norm(x + f(x))
    norm_affine: bool = True  # a gain and a bias after normalisation
    norm_epsilon: float = 1e-5
    final_norm: bool = False  # normalise after the last block, as pre-norm models do
    residual: bool = False  # add a sub-layer's input to its output
    cross_attention: bool = False  # a decoder's blocks look at the encoder's steps
    feed_forward: str = "none"  # two_layer: W₂ σ(W₁ x + b₁) + b₂; one_layer: σ(W x + b) (article)
    feed_forward_size: int = 128  # size between the two layers
    activation: str = "relu"  # σ of the feed-forward
    bias: bool = True  # in the linear maps of attention, feed-forward and output that have one
    dropout: float = 0.0  # on the embedded input, and on the output of every sub-layer
    token_dropout: float = 0.0  # on whole tokens or frames of the input (Iyyer et al. 2015)
    unroll_depth: bool = False  # write repeated blocks out instead of scanning over them

    # Mixers
    bidirectional: bool = False  # each recurrence in both directions, outputs side by side
    recurrent_activation: str = "tanh"  # σ of the Elman RNN
    recurrent_dropout: float = 0.0  # on h_{t-1} in a cell's products, one mask for all steps
    remat_steps: int = 0  # cells keep every so many-th state for the gradient, best √T; 0: all
    chrono_length: int = 0  # steps that gates (lru: eigenvalues) start out to remember; 0: not so
    inner_size: int = 128  # features inside a linear recurrence: lru, rglru, ssd, gated_deltanet
    state_size: int = 64  # keys of a head's matrix state: ssd, gated_deltanet
    convolution_size: int = 4  # steps of the short convolution: rglru, ssd, gated_deltanet
    # How mixers are evaluated over time; a run writes what auto stands for to its config.json.
    nonlinear_recurrence: str = "auto"  # rnn, lstm, gru, paragru, paralstm
    linear_recurrence: str = "auto"  # mingru, minlstm, lru, rglru
    matrix_recurrence: str = "auto"  # ssd, gated_deltanet
    # plain: all weights at once; blockwise: the memory of O(time); kernel: the TPU's or the GPU's
    attention: str = "auto"
    heads: int = 4
    kv_heads: int = 0  # heads of keys and values, each for several query heads; 0: as many as heads
    causal: bool = True  # attention sees no later step
    window: int = 0  # steps that local_attention sees, itself included
    attention_dropout: float = 0.0  # on the attention weights

    # Head
    # The last real step, the mean or the highest of each unit over them, or none: logits per step
    pool: str = "last"
    tie_embeddings: bool = False  # logits from the embedding table (Press and Wolf 2017), no bias

    # What the backward pass computes again instead of keeping it: nothing; all but the products of
    # matrices with parameters and what the attention kernel gives; or all but the blocks' inputs
    remat: str = "none"

    # Arithmetic of the products; parameters, states, softmax and statistics are always float32
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for field, choices in CHOICES.items():
            if getattr(self, field) not in choices:
                raise UserError(
                    f"model.{field}={getattr(self, field)!r} is not one of {', '.join(choices)}."
                )
        for field in (
            "width",
            "feed_forward_size",
            "heads",
            "max_positions",
            "inner_size",
            "state_size",
            "convolution_size",
        ):
            if getattr(self, field) < 1:
                raise UserError(f"model.{field}={getattr(self, field)} must be at least 1.")
        if self.embedding_size < (1 if self.vocabulary_size else 0):
            raise UserError(
                f"model.embedding_size={self.embedding_size} must be at least 1, "
                "or 0 for frames that need no projection."
            )
        for field in ("dropout", "token_dropout", "attention_dropout", "recurrent_dropout"):
            if not 0 <= getattr(self, field) < 1:
                raise UserError(f"model.{field}={getattr(self, field)} must be in [0, 1).")
        self._check_attention()
        self._check_recurrences()
        self._check_tied_embeddings()
        if not self.norm_epsilon > 0:
            raise UserError(f"model.norm_epsilon={self.norm_epsilon} must be above 0.")
        if self.bidirectional and self.residual:
            raise UserError(
                "model.bidirectional=True doubles a block's output: set model.residual=False."
            )

    def _check_attention(self) -> None:
        if self.kv_heads < 0 or self.heads % (self.kv_heads or 1):
            raise UserError(
                f"model.kv_heads={self.kv_heads} does not divide model.heads={self.heads}: "
                "take a number that does, or 0."
            )
        if (self.window > 0) != ("local_attention" in self.pattern):
            raise UserError(
                f"model.window={self.window} with model.pattern={','.join(self.pattern)}: "
                "local_attention needs a window of at least 1, and no other mixer has one."
            )
        attends = {"attention", "local_attention"} & set(self.pattern)
        if self.positions in ("rotary", "alibi") and not attends:
            raise UserError(
                f"model.positions={self.positions!r} lies within attention, of which "
                f"model.pattern={','.join(self.pattern)} has none: take sinusoidal or learned."
            )
        if (attends or self.cross_attention) and self.width % self.heads:
            raise UserError(
                f"model.heads={self.heads} does not divide model.width={self.width}: "
                "take a number of heads that does."
            )
        if self.positions == "rotary" and (self.width // self.heads) % 2:
            raise UserError(
                f"model.positions='rotary' turns pairs of features, and model.heads={self.heads} "
                f"leaves heads of {self.width // self.heads}: take an even head size."
            )

    def _check_recurrences(self) -> None:
        if self.chrono_length < 0 or self.chrono_length == 1:
            raise UserError(
                f"model.chrono_length={self.chrono_length} must be at least 2 steps, or 0."
            )
        if self.remat_steps < 0:
            raise UserError(f"model.remat_steps={self.remat_steps} must be at least 1, or 0.")
        gated = {"lstm", "gru", "paragru", "paralstm"}
        for field, mixers in (
            ("chrono_length", gated | {"lru"}),
            ("recurrent_dropout", gated | {"rnn"}),
            ("remat_steps", gated | {"rnn"}),
        ):
            if getattr(self, field) and not mixers & set(self.pattern):
                raise UserError(
                    f"model.{field}={getattr(self, field)} has no effect on "
                    f"model.pattern={','.join(self.pattern)}: it is for "
                    f"{', '.join(sorted(mixers))}."
                )
        with_heads = {"rglru", "ssd", "gated_deltanet"} & set(self.pattern)
        if with_heads and self.inner_size % self.heads:
            raise UserError(
                f"model.heads={self.heads} does not divide model.inner_size={self.inner_size}, "
                f"which {min(with_heads)} deals out to them: take a number of heads that does."
            )

    def _check_tied_embeddings(self) -> None:
        if not self.tie_embeddings:
            return
        if self.input_size:
            raise UserError(
                f"model.tie_embeddings=True needs tokens, and model.input_size={self.input_size} "
                "says that frames come in: set it to False."
            )
        if self.vocabulary_size != self.outputs:
            raise UserError(
                f"model.tie_embeddings=True needs as many outputs as tokens, not model.outputs="
                f"{self.outputs} and model.vocabulary_size={self.vocabulary_size}."
            )
        if self.pattern and self.embedding_size != self.width * (1 + self.bidirectional):
            raise UserError(
                f"model.tie_embeddings=True needs model.embedding_size={self.embedding_size} "
                f"to be the size that the last block gives, model.width={self.width}, "
                "and model.bidirectional=False."
            )

    @property
    def embedded_size(self) -> int:
        """The size of the vectors that enter the first block."""
        return self.embedding_size or self.input_size

    def with_sizes(self, **sizes: int) -> "ModelConfig":
        """The configuration with what the data decides filled in; a contradiction is an error."""
        for field, size in sizes.items():
            if getattr(self, field) not in (0, size):
                raise UserError(
                    f"model.{field}={getattr(self, field)} does not agree with the data, which has "
                    f"{size}: leave it at 0."
                )
        return replace(self, **sizes)
