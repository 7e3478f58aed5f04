from functools import partial

import pytest

from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.models.presets import sized
from seqjax.training.config import Config, from_dict, get
from seqjax.training.presets import from_preset

MODELS = {"rnn": ModelConfig(), "bag": ModelConfig(pattern=(), pool="mean")}


def configured(argument):
    base = Config(name="test", preset="")
    found = from_preset(argument, base, models=MODELS, sized=partial(sized, pool="mean"))
    return from_dict(found.to_dict())


def test_a_word_picks_the_model():
    config = configured("bag")
    assert (config.name, config.preset, config.model) == ("test", "bag", MODELS["bag"])


@pytest.mark.parametrize(
    ("typed", "path", "value"),
    [
        ("train.batch_size=64", "train.batch_size", 64),
        ("batch_size=64", "train.batch_size", 64),
        ("learning_rate=1", "optimizer.learning_rate", 1.0),
        ("residual=True", "model.residual", True),
        ("dtype=bfloat16", "model.dtype", "bfloat16"),
        ("data.train=a,text_column=b", "data.train", "a"),
        ('pattern=("lstm","gru"),width=16', "model.pattern", ("lstm", "gru")),
        ("profile=(1,2)", "train.profile", (1, 2)),
        ("seed=3", "seed", 3),
    ],
)
def test_typed_keys_follow(typed, path, value):
    if typed.startswith("data"):
        typed += ",source=files"
    found = get(configured(f"rnn,{typed}"), path)
    assert found == value and type(found) is type(value)


def test_a_size_picks_the_matched_model_and_names_the_preset():
    config = configured("lstm,size=tiny,batch_size=8")
    assert (config.preset, config.model.pool, config.train.batch_size) == ("lstm-tiny", "mean", 8)
    assert set(config.model.pattern) == {"lstm"} and config.model.norm == "pre"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("rrn", "There is no preset 'rrn': did you mean 'rnn'?"),
        ("", "There is no preset ''"),
        ("rnn,tiny", "The preset's part 'tiny' has no value: write tiny=VALUE."),
        ("rnn,size=tinny", "tinny"),
        ("rnn,widht=3", "There is no configuration key 'widht'; did you mean model.width?"),
        (
            "rnn,vocabulary_size=9",
            "could be data.vocabulary_size or model.vocabulary_size: name one.",
        ),
        ("rnn,width=(", "The preset's model.width=( is not a Python value."),
        ("rnn,width=2.5", "model.width=2.5 must be a whole number."),
    ],
)
def test_what_is_not_understood_is_one_sentence(typed, said):
    with pytest.raises(UserError) as raised:
        configured(typed)
    assert said in str(raised.value) and "\n" not in str(raised.value)
