"""What the backward pass computes again, in the place of memory (Chen et al. 2016)."""

import jax
from flax import linen as nn

from seqjax.models.block import Block
from seqjax.models.config import ModelConfig
from seqjax.ops import attention_kernel

KEPT = {
    "elementwise": jax.checkpoint_policies.save_from_both_policies(
        jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
        jax.checkpoint_policies.save_only_these_names(attention_kernel.KEPT),
    ),
    "block": jax.checkpoint_policies.nothing_saveable,
}


def rematerialized(config: ModelConfig) -> type[Block]:
    """`Block`, of which the backward pass keeps as much as `model.remat` says."""
    if config.remat == "none":
        return Block
    # Without a loop over depth the compiler would see that what is computed again is there already.
    keep_apart = config.unroll_depth
    return nn.remat(Block, policy=KEPT[config.remat], prevent_cse=keep_apart, static_argnums=(4,))
