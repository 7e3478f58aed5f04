"""Multi-query associative recall: keys and values, and later the keys again.

    python -m seqjax.train --config configs/mqar.py:lstm
    python -m seqjax.train --config configs/mqar.py:attention,train.steps=1500
    python -m seqjax.train --config configs/mqar.py:transformer,size=small

Valid holds examples like those of train, test longer ones (`data.beyond`). Every word is the model
of `size=tiny`, unless another size is named. `attention` is that of Arora et al. (2023, the code of
figure 2): blocks of nothing but attention with one head, and learned positions; there are 256 words
(`data.probe.vocabulary_size`), where the paper has 8,192. On one CPU core it has every value right
after 1,500 steps (3.3 minutes), and 50.5% of them in the longer examples, of twice the pairs and
steps; `transformer` has 14.5% after 1,000 (one of eight values: 12.5%).
"""

from ml_collections import ConfigDict

from seqjax.data.probes.dataset import MultiQueryRecallConfig
from seqjax.models import ModelConfig
from seqjax.models.presets import sized
from seqjax.training.presets import of_probe


def get_config(preset: str = "lstm") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    return of_probe(preset, "mqar", MultiQueryRecallConfig(), sized=model)


def model(word: str, size: str) -> ModelConfig:
    """The matched model of a word; `attention` has one head, and no feed-forward."""
    if word == "attention":
        alone = {"feed_forward": "none", "heads": 1, "positions": "learned", "max_positions": 128}
        return sized("transformer", size, pool="none", **alone)
    return sized(word, size, pool="none")
