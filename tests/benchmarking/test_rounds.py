from seqjax.benchmarking.rounds import interleave, summarised, turn_of


class Clock:
    """Contenders whose calls take a known time, and a record of who had a turn."""

    def __init__(self, **seconds):
        self.seconds, self.order = seconds, []

    def turn(self, name):
        def take(calls):
            self.order.append((name, calls))
            return [self.seconds[name]] * calls

        return take

    def timings(self, **settings):
        patience = {"rounds": 4, "turn_seconds": 0.1, "most_seconds": 1e3}
        return interleave({name: self.turn(name) for name in self.seconds}, **(patience | settings))


def test_everyone_has_a_turn_in_every_round():
    clock = Clock(slow=0.5, fast=0.01)
    timings = clock.timings()
    assert timings["slow"].milliseconds == 500 and timings["fast"].milliseconds == 10
    warm_up, rounds = clock.order[:4], clock.order[4:]
    assert {calls for _, calls in warm_up} == {1}
    assert rounds == [("fast", 10), ("slow", 1), ("slow", 1), ("fast", 10)] * 2


def test_patience_bounds_the_rounds_but_leaves_three():
    assert Clock(slow=0.5).timings(rounds=9, most_seconds=2.5)["slow"].rounds == 5
    assert Clock(slow=0.5).timings(rounds=9, most_seconds=0.1)["slow"].rounds == 3


def test_the_median_forgets_a_disturbance():
    timing = summarised([[0.001, 0.001], [0.001, 9.0]], calls=2)
    assert timing.milliseconds == 1.0
    assert timing.divided(4).milliseconds == 0.25
    assert (timing.rounds, timing.calls_per_round) == (2, 2)


def test_a_turn_works_as_often_as_it_says():
    calls = []
    seconds = turn_of(lambda: calls.append(1))(3)
    assert len(calls) == 3 and all(each >= 0 for each in seconds)
