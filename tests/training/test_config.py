import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqjax.errors import UserError
from seqjax.training.config import (
    Config,
    digest,
    field_types,
    from_dict,
    get,
    to_config_dict,
    to_json,
    unknown_field,
)


def changed(**settings):
    """The default configuration with the values of paths such as `train__epochs` replaced."""
    values = dataclasses.asdict(Config(name="test", preset="rnn"))
    for path, value in settings.items():
        *groups, leaf = path.split("__")
        group = values
        for name in groups:
            group = group[name]
        group[leaf] = value
    return from_dict(values)


SETTINGS = st.builds(
    dict,
    seed=st.integers(0, 99),
    model__pattern=st.lists(st.sampled_from(["rnn", "lstm", "gru"])).map(tuple),
    optimizer__learning_rate=st.floats(1e-6, 1.0) | st.integers(1, 3),
    optimizer__decayed=st.sampled_from([(), (".*kernel",), ("a", "b")]),
    train__profile=st.sampled_from([(), (1, 2)]),
    mesh__rules=st.sampled_from([(("batch", ("data",)), ("embed", ())), (("batch", ()),)]),
)


@given(SETTINGS)
def test_json_and_config_dicts_give_the_same_configuration_back(settings):
    config = changed(**settings)
    assert from_dict(json.loads(to_json(config))) == config
    assert from_dict(to_config_dict(config).to_dict()) == config


@given(st.tuples(SETTINGS, SETTINGS))
def test_the_digest_tells_configurations_apart(settings):
    one, other = (changed(**chosen) for chosen in settings)
    assert (digest(one) == digest(other)) == (one == other)


def test_every_key_has_a_type_and_a_value():
    config = Config(name="test", preset="rnn")
    assert {path.partition(".")[0] for path in field_types("classification")} == {
        field.name for field in dataclasses.fields(Config)
    }
    for path, kind in field_types("classification").items():
        value = get(config, path)
        assert isinstance(value, tuple) if "tuple" in str(kind) else type(value) is kind


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("train__batch_size", 0, "train.batch_size=0 must be at least 1."),
        ("train__epochs", -1, "train.epochs=-1 must be at least 0."),
        ("train__steps", True, "train.steps=True must be a whole number."),
        ("train__batch_size", 3.0, "train.batch_size=3.0 must be a whole number."),
        ("train__accumulate", 3, "train.accumulate=3 does not divide train.batch_size=32"),
        ("train__label_smoothing", 1.0, "train.label_smoothing=1.0 must be in [0, 1)."),
        ("train__profile", (3,), "train.profile=(3,) must be the first and last step"),
        ("train__profile", (5, 3), "train.profile=(5, 3) must be the first and last step"),
        ("train__profile", ("a", 3), "train.profile[0]=a must be a whole number."),
        ("model__pattern", "rnn", "model.pattern=rnn must be a tuple"),
        ("model__pattern", ("rnn", 3), "model.pattern[1]=3 must be text."),
        ("mesh__rules", (("batch", "data"),), "mesh.rules[0][1]=data must be a tuple"),
        ("mesh__rules", (("batch",),), "mesh.rules[0]=('batch',) must be a tuple"),
        ("optimizer__learning_rate", float("nan"), "learning_rate=nan must be a finite number."),
        ("optimizer__learning_rate", -0.1, "optimizer.learning_rate=-0.1 must be at least 0."),
        ("optimizer__beta2", 1.0, "optimizer.beta2=1.0 must be in [0, 1)."),
        ("optimizer__name", "adma", "optimizer.name='adma' is not one of adam, adamw, sgd."),
        ("optimizer__schedule", "x", "optimizer.schedule='x' is not one of constant, linear,"),
        ("optimizer__weight_decay", 0.1, "weight_decay=0.1 has no effect on optimizer.name='adam'"),
        ("optimizer__momentum", 0.9, "momentum=0.9 has no effect on optimizer.name='adam'"),
        ("optimizer__decayed", ("(",), "optimizer.decayed='(' is not a regular expression"),
        ("optimizer__frozen", ("a", "*"), "optimizer.frozen='*' is not a regular expression"),
        ("model__residual", "yes", "model.residual=yes must be True or False."),
    ],
)
def test_wrong_values_are_one_sentence(path, value, said):
    with pytest.raises(UserError) as raised:
        changed(**{path: value})
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("values", [[], 3, {"task": 3}, {"name": "a", "preset": "b", "data": 3}])
def test_what_is_no_tree_is_one_sentence(values):
    with pytest.raises(UserError, match=r"=(\[\]|3) must be "):
        from_dict(values)


def test_nothing_to_do():
    with pytest.raises(UserError, match=r"train.steps=0 and train.epochs=0"):
        changed(train__epochs=0)


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("train.batchsize", "train.batch_size"),
        ("batch_size", "train.batch_size"),
        ("widht", "model.width"),
        ("modle.width", "model.width"),
        ("train.learning_rate", "optimizer.learning_rate"),
    ],
)
def test_an_unknown_key_names_the_nearest(path, near):
    assert str(unknown_field(path)) == (
        f"There is no configuration key {path!r}; did you mean {near}?"
    )
