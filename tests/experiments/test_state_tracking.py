"""A small version of the parity experiment: who can follow a state that every step may flip."""

from experiments.state_tracking.run import Setting, accuracy_beyond_training

SMALL = Setting(steps=400, batch=32, train_length=12, test_length=60, width=16, learning_rate=1e-2)


def test_an_lstm_follows_parity_beyond_the_training_length():
    assert accuracy_beyond_training("lstm", SMALL, seed=0) >= 0.99


def test_attention_does_not_follow_parity():
    assert accuracy_beyond_training("attention", SMALL, seed=0) <= 0.65
