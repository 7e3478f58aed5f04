"""Claims about time, from the atlas of `experiments.crossover` and the article's own steps."""

from experiments.article_claims.evidence import (
    FAILS,
    NOT_SHOWN,
    Evidence,
    Finding,
    Row,
    holds_if_all,
)
from experiments.crossover.atlas import WORKS, Atlas, Shape, significant

TRAIN = Shape("train")
PRINTED = (53.0, 118.0)  # milliseconds a step, RNN and Transformer, as the article prints them


def transformers_train_faster(evidence: Evidence) -> Finding:
    """Whether a train step of attention takes less time than one of an RNN, wherever it runs."""
    ratios, ids = _ratios(evidence, "attention", "rnn", TRAIN)
    plans = evidence.measured("plans")
    length, seconds = _planned(plans)
    on_tpu = seconds["transformer"] / seconds["rnn"]
    return Finding(
        holds_if_all(ratio < 1 for ratio in (*ratios.values(), on_tpu)),
        f"On the device. Time of attention over that of an RNN, one block on two CPU cores: "
        f"{_spelled(ratios)}; of the article's Transformer over its RNN at {length} steps, "
        f"compiled for four TPU v5e chips (an estimate, not run): {on_tpu:.2f}.",
        (*ids, plans["id"]),
    )


def slow_on_long_sequences(evidence: Evidence) -> Finding:
    """Whether an RNN takes longer than attention at the greatest length of both, in any work."""
    said, ids, slower = [], [], []
    for work in WORKS:
        ratios, names = _ratios(evidence, "rnn", "attention", Shape(work))
        longest = max(ratios)
        slower.append(ratios[longest] > 1)
        said.append(f"{work} {significant(ratios[longest], 2)} at {longest:,} steps")
        ids += names[-2:]
    return Finding(
        holds_if_all(slower),
        f"Time of an RNN over that of attention, one block on two CPU cores: {', '.join(said)}.",
        tuple(ids),
    )


def accelerators_help(evidence: Evidence) -> Finding:
    """Whether an accelerator shortens the steps of both, and the Transformer's more.

    As long as it is a compiler that says so, it is not shown.
    """
    plans = evidence.measured("plans")
    length, seconds = _planned(plans)
    here = {
        row["model"]: row
        for row in evidence.rows("peers").values()
        if row["time"] == length and row["model"] in seconds
    }
    gains = {
        model: row["seqjax"]["milliseconds"] / 1e3 / seconds[model] for model, row in here.items()
    }
    return Finding(
        NOT_SHOWN if 1 < gains["rnn"] < gains["transformer"] else FAILS,
        f"The article's steps over {length} words, compiled for four TPU v5e chips (an estimate, "
        f"not run), against two CPU cores: RNN {gains['rnn']:.0f} times as fast, Transformer "
        f"{gains['transformer']:.0f} times.",
        (plans["id"], *(row["id"] for row in here.values())),
    )


def printed_step_times(evidence: Evidence) -> Finding:
    """Whether the article's RNN takes less than half the time of its Transformer, as printed.

    It has to wherever it runs.
    """
    rows = [evidence.rows("loop_cost")[f"loop_cost: {model}"] for model in ("rnn", "transformer")]
    ours = [row["bare_ms_per_step"] for row in rows]
    atlas = Atlas(evidence.results("crossover"), "cpu")
    ratios, ids = _ratios(evidence, "rnn", "attention", TRAIN)
    crossing = atlas.crossing("rnn", "attention", TRAIN)
    flips = f"flips near {crossing:,.0f} steps" if crossing else "flips at no length measured"
    plans = evidence.measured("plans")
    length, seconds = _planned(plans)
    on_tpu = seconds["rnn"] / seconds["transformer"]
    return Finding(
        holds_if_all(ratio < 1 / 2 for ratio in (ours[0] / ours[1], on_tpu)),
        f"On the device. On review snippets, on two CPU cores, {ours[0]:.1f} against "
        f"{ours[1]:.1f} ms, a ratio of {ours[0] / ours[1]:.2f} (printed: "
        f"{PRINTED[0] / PRINTED[1]:.2f}); between single blocks it {flips}: {_spelled(ratios)}. "
        f"Compiled for four TPU v5e chips, at {length} words, it is {on_tpu:.2f} (an estimate, not "
        f"run).",
        (*(row["id"] for row in rows), *ids, plans["id"]),
    )


def _ratios(
    evidence: Evidence, first: str, second: str, shape: Shape
) -> tuple[dict[int, float], tuple[str, ...]]:
    """The ratios of the atlas, and the ids of the rows that they are of."""
    atlas = Atlas(evidence.results("crossover"), "cpu")
    ratios = atlas.ratios(first, second, shape)
    series = [atlas.series(mixer, shape) for mixer in (first, second)]
    return ratios, tuple(each[n]["id"] for n in ratios for each in series)


def _planned(plans: Row) -> tuple[int, dict[str, float]]:
    """The length of the article's steps on a slice of TPUs, and the seconds of each model's."""
    figures = plans["figures"]
    return figures["length"], {
        model: figures[model]["step_seconds"] for model in ("rnn", "transformer")
    }


def _spelled(ratios: dict[int, float]) -> str:
    return ", ".join(f"{significant(ratio, 2)} at {length:,}" for length, ratio in ratios.items())
