from dataclasses import replace

import pytest

from seqjax.models import EncoderDecoderConfig, ModelConfig
from seqjax.models.config import CHOICES
from seqjax.models.methods import EVALUATIONS, FIELDS, keep_methods, resolve_methods
from seqjax.models.mixers import MIXERS


def resolved(config):
    return resolve_methods(config, "cpu", batch=4, time=16)


@pytest.mark.parametrize("mixer", sorted(EVALUATIONS))
def test_auto_becomes_a_method_that_exists(mixer):
    field = EVALUATIONS[mixer].field
    window = 4 if mixer == "local_attention" else 0
    config = resolved(ModelConfig(pattern=(mixer,), window=window))
    assert getattr(config, field) in set(CHOICES[field]) - {"auto"}
    for other in set(FIELDS) - {field}:
        assert getattr(config, other) == "auto"  # of which this pattern makes no use


def test_what_was_said_stays():
    config = ModelConfig(pattern=("mingru", "ssd"), linear_recurrence="associative")
    assert resolved(config).linear_recurrence == "associative"
    assert resolved(config).matrix_recurrence != "auto"
    assert resolved(resolved(config)) == resolved(config)


def test_only_mixers_have_methods():
    assert set(EVALUATIONS) <= set(MIXERS)


def test_an_earlier_choice_is_kept():
    config = ModelConfig(pattern=("mingru", "ssd"))
    earlier = replace(config, linear_recurrence="chunked", matrix_recurrence="associative")
    assert keep_methods(config, earlier) == earlier
    said = replace(config, linear_recurrence="sequential")
    assert keep_methods(said, earlier).linear_recurrence == "sequential"


def test_both_stacks_of_an_encoder_decoder_are_resolved():
    encoder = ModelConfig(pattern=("mingru",), pool="none")
    decoder = replace(encoder, pattern=("ssd",), cross_attention=True)
    config = EncoderDecoderConfig(encoder, decoder)
    both = resolved(config)
    assert both.encoder.linear_recurrence != "auto"
    assert both.decoder.matrix_recurrence != "auto"
    assert keep_methods(config, both) == both
    assert keep_methods(encoder, both) == encoder
