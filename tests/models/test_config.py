"""What a user can set wrongly ends in one sentence that names the field."""

from dataclasses import fields

import pytest

from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.models.config import CHOICES

TIED = {"vocabulary_size": 9, "outputs": 9, "tie_embeddings": True}


@pytest.mark.parametrize("field", CHOICES)
def test_a_word_that_is_no_choice_lists_the_choices(field):
    with pytest.raises(UserError, match=rf"model\.{field}='nonsense' is not one of"):
        ModelConfig(**{field: "nonsense"})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"width": 0}, r"model\.width=0 must be at least 1"),
        ({"heads": 0}, r"model\.heads=0"),
        ({"embedding_size": 0, "vocabulary_size": 9}, r"model\.embedding_size=0"),
        ({"embedding_size": -1}, r"model\.embedding_size=-1"),
        ({"dropout": 1.0}, r"model\.dropout=1\.0 must be in \[0, 1\)"),
        ({"token_dropout": 1.5}, r"model\.token_dropout=1\.5 must be in \[0, 1\)"),
        ({"attention_dropout": -0.1}, r"model\.attention_dropout"),
        ({"pattern": ("attention",), "width": 10}, r"model\.heads=4 does not divide .*width=10"),
        ({"pattern": ("attention",), "kv_heads": 3}, r"model\.kv_heads=3 does not divide"),
        ({"pattern": ("attention",), "kv_heads": 8}, r"model\.kv_heads=8 does not divide"),
        ({"pattern": ("lstm",), "window": 8}, r"model\.window=8 with model\.pattern=lstm"),
        ({"pattern": ("attention",), "window": 8}, r"model\.window=8"),
        ({"pattern": ("local_attention",)}, r"model\.window=0"),
        ({"pattern": ("local_attention",), "window": -1}, r"model\.window=-1"),
        ({"positions": "rotary"}, r"model\.positions='rotary'.*model\.pattern=rnn"),
        ({"positions": "alibi"}, r"model\.positions='alibi'"),
        (
            {"pattern": ("attention",), "positions": "rotary", "width": 12},
            r"model\.positions='rotary'.*model\.heads=4 leaves heads of 3",
        ),
        ({"bidirectional": True, "residual": True}, r"model\.bidirectional=True"),
        ({**TIED, "width": 8}, r"model\.tie_embeddings=True.*model\.width=8"),
        ({**TIED, "outputs": 2, "width": 64}, r"model\.tie_embeddings=True.*model\.outputs=2"),
        ({"tie_embeddings": True, "input_size": 3}, r"model\.tie_embeddings=True.*input_size=3"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        ModelConfig(**settings)
    assert "\n" not in str(error.value)


def test_settings_that_can_be():
    ModelConfig(pattern=("attention",), kv_heads=1, positions="rotary")
    ModelConfig(pattern=("lstm", "local_attention"), window=1, positions="alibi")
    ModelConfig(embedding_size=0, input_size=3)
    ModelConfig(**TIED, width=64)


def test_the_data_fills_in_what_is_zero_and_contradicts_the_rest():
    config = ModelConfig(outputs=2)
    assert config.with_sizes(vocabulary_size=9, outputs=2).vocabulary_size == 9
    with pytest.raises(UserError, match=r"model\.outputs=2 does not agree with the data.* 3"):
        config.with_sizes(outputs=3)


def test_every_setting_is_immutable_and_has_a_default():
    assert ModelConfig() == ModelConfig()
    assert hash(ModelConfig()) == hash(ModelConfig())
    assert all(field.default is not None for field in fields(ModelConfig))
