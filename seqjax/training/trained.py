"""A trained model from its run folder alone."""

from contextlib import closing
from dataclasses import dataclass, replace

import jax

from seqjax.data.tokenizers import Tokenizer
from seqjax.distributed import hosts
from seqjax.distributed.config import MeshConfig
from seqjax.errors import UserError
from seqjax.models import Params
from seqjax.training.checkpoint import Checkpoints
from seqjax.training.folder import RunFolder
from seqjax.training.setup import Setup


@dataclass(frozen=True)
class Trained:
    """What evaluation and prediction need of a run."""

    setup: Setup
    tokenizer: Tokenizer | None
    params: Params
    step: int
    notes: tuple[str, ...]  # sentences to tell the user


def load_trained(folder: RunFolder) -> Trained:
    """The run's best checkpoint, laid out over the devices of this machine, or of all hosts."""
    with hosts.together():
        config, facts = folder.config(), folder.facts()
        folder.check_data_version(config.data.version)
    notes = []
    try:
        setup = Setup(config, facts, jax.devices())
    except UserError as error:
        if hosts.several():
            raise
        # The run was trained on another machine.
        one = replace(config, mesh=MeshConfig(rules=config.mesh.rules))
        setup = Setup(one, facts, jax.devices()[:1])
        notes = [f"On one device, since the run's mesh does not fit this machine: {error}"]
    with hosts.together():
        if not folder.checkpoints.exists():
            raise UserError(f"workdir={folder.path} has no checkpoint yet: train the run first.")
    with closing(Checkpoints(folder.checkpoints, write=False)) as checkpoints:
        params, step, passed_over = checkpoints.restore_best(setup.abstract_state().params)
    tokenizer = Tokenizer.load(folder.tokenizer) if config.data.tokenized else None
    return Trained(setup, tokenizer, params, step, (*notes, *passed_over))
