"""Translation by an encoder and a decoder.

    python -m seqjax.train --config configs/translation.py:transformer
    echo "Today the girl sees the small ball." | \\
        python -m seqjax.predict --workdir runs/translation-transformer-…

The default pairs need nothing: English sentences of a small grammar, and their German translations.
They are easy: `transformer` has a BLEU of 100.0 on their test split after 30 epochs (28 minutes on
one busy CPU core, seed 0), and every token of the validation split right after the second. Multi30k
comes from its text files, beside each of which lies the other language's:

    python -m seqjax.train --config configs/translation.py:transformer \\
        --config.data.source=files --config.data.train=train.en.gz \\
        --config.data.valid=val.en.gz --config.data.test=test_2016_flickr.en.gz
    python -m seqjax.evaluate --workdir runs/translation-transformer-… --beams=4

`transformer` is that of 2017 (post-norm, ReLU, sinusoidal positions, one table for both languages
and the output) with 3 + 3 layers of width 128, small as suits so few pairs (Wu et al. 2021). Every
other word puts its mixer into both sides and has as many parameters outside the tables, one
million: `lstm`, `gru` and `rnn` look at the source by attention, `lstm_without_attention` and the
like have nothing but the encoder's last state. `size=tiny|base` makes any of them smaller or
larger.

While a sentence of Multi30k's test of 2016 is translated (means: 16 tokens into 17), one hypothesis
keeps 102,016 bytes with `transformer`, 30,596 with `lstm` and 2,180 with `lstm_without_attention`;
`evaluate` counts them. With `--config.train.epochs=18`, `transformer` reaches a BLEU of 37.1 on
that test by 4 beams, and 36.0 by the likeliest token, after 54 minutes on two CPU cores, `lstm`
37.8 and 36.4 after 54, and `mingru` 38.1 and 37.5 after 45; beside the last two other work ran for
a part (seed 0).
"""

from dataclasses import replace

from ml_collections import ConfigDict

from seqjax.data.sentence_pairs import SentencePairsConfig
from seqjax.models import EncoderDecoderConfig, ModelConfig
from seqjax.models.presets import sized_pair
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.presets import from_preset

DROPOUT = 0.2
SIDE = ModelConfig(
    pattern=("attention",) * 3,
    embedding_size=128,
    embedding_scale="sqrt",
    positions="sinusoidal",
    width=128,
    norm="post",
    residual=True,
    feed_forward="two_layer",
    feed_forward_size=256,
    dropout=DROPOUT,
    heads=4,
    pool="none",
)
TRANSFORMER = EncoderDecoderConfig(
    encoder=replace(SIDE, causal=False),
    decoder=replace(SIDE, cross_attention=True, tie_embeddings=True),
    share_embedding=True,
)
WITHOUT_ATTENTION = "_without_attention"


def get_config(preset: str = "transformer") -> ConfigDict:
    """The run of a preset word, with further settings behind commas."""
    base = Config(
        name="translation",
        preset=preset,
        task="translation",
        data=SentencePairsConfig(),
        model=TRANSFORMER,
        optimizer=OptimizerConfig(
            learning_rate=2e-3,
            schedule="cosine",
            warmup_steps=1000,
            beta2=0.98,
            epsilon=1e-9,
            clip_norm=1.0,
        ),
        train=TrainConfig(epochs=30, batch_size=64, label_smoothing=0.1),
    )
    return from_preset(preset, base, models={"transformer": TRANSFORMER}, sized=pair, size="small")


def pair(word: str, size: str) -> EncoderDecoderConfig:
    """Encoder and decoder of a word, with or without attention to the source."""
    attention = not word.endswith(WITHOUT_ATTENTION)
    word = word.removesuffix(WITHOUT_ATTENTION)
    return sized_pair(word, size, attention=attention, dropout=DROPOUT)
