"""Claims about time, from the atlas of `experiments.crossover` and the article's own steps."""

from experiments.article_claims.evidence import Evidence, Finding, holds_if, holds_if_all
from experiments.crossover.atlas import Atlas, Shape, significant

TRAIN = Shape("train")
PRINTED = (53.0, 118.0)  # milliseconds a step, RNN and Transformer, as the article prints them


def transformers_train_faster(evidence: Evidence) -> Finding:
    """Whether a train step of attention takes less time than one of an RNN, wherever it runs."""
    ratios, ids = _ratios(evidence, "attention", "rnn", TRAIN)
    planned = _planned(evidence)
    on_tpu = planned["transformer"]["step_seconds"] / planned["rnn"]["step_seconds"]
    faster = [ratio < 1 for ratio in (*ratios.values(), on_tpu)]
    return Finding(
        holds_if_all(faster),
        f"On the device. Time of attention over that of an RNN, one block on two CPU cores: "
        f"{_spelled(ratios)}; of the article's Transformer over its RNN, compiled for four TPU v5e "
        f"chips (an estimate, not run): {on_tpu:.2f}.",
        (*ids, *(row["id"] for row in planned.values())),
    )


def accelerators_help(evidence: Evidence) -> Finding:
    """Whether an accelerator shortens the steps of both, and the Transformer's more."""
    planned = _planned(evidence)
    here = {
        model: evidence.rows("loop_cost")[f"loop_cost: {model}"] for model in ("rnn", "transformer")
    }
    gains = {
        model: here[model]["bare_ms_per_step"] / 1e3 / planned[model]["step_seconds"]
        for model in here
    }
    return Finding(
        holds_if(1 < gains["rnn"] < gains["transformer"]),
        f"The article's steps, compiled for four TPU v5e chips (an estimate, not run), against two "
        f"CPU cores: RNN {gains['rnn']:.1f} times as fast, Transformer "
        f"{gains['transformer']:.0f} times.",
        tuple(row["id"] for rows in (planned, here) for row in rows.values()),
    )


def printed_step_times(evidence: Evidence) -> Finding:
    """Whether the article's RNN takes less time than its Transformer, as the article prints."""
    rows = [evidence.rows("loop_cost")[f"loop_cost: {model}"] for model in ("rnn", "transformer")]
    ours = [row["bare_ms_per_step"] for row in rows]
    atlas = Atlas(evidence.results("crossover"), "cpu")
    ratios, ids = _ratios(evidence, "rnn", "attention", TRAIN)
    crossing = atlas.crossing("rnn", "attention", TRAIN)
    flips = f"flips near {crossing:,.0f} steps" if crossing else "flips at no length measured"
    return Finding(
        holds_if(ours[0] < ours[1]),
        f"On review snippets {ours[0]:.1f} against {ours[1]:.1f} ms, a ratio of "
        f"{ours[0] / ours[1]:.2f} (printed: {PRINTED[0] / PRINTED[1]:.2f}); between single blocks "
        f"it {flips}: {_spelled(ratios)}.",
        (*(row["id"] for row in rows), *ids),
    )


def _ratios(
    evidence: Evidence, first: str, second: str, shape: Shape
) -> tuple[dict[int, float], tuple[str, ...]]:
    atlas = Atlas(evidence.results("crossover"), "cpu")
    one, other = atlas.series(first, shape), atlas.series(second, shape)
    shared = sorted(one.keys() & other.keys())
    ratios = {n: one[n]["milliseconds"] / other[n]["milliseconds"] for n in shared}
    return ratios, tuple(each[n]["id"] for n in shared for each in (one, other))


def _planned(evidence: Evidence) -> dict[str, dict]:
    """What `seqjax.plan` says of the article's models, by model."""
    rows = evidence.rows("article_claims")
    return {model: rows[f"article_claims: plan {model}"] for model in ("rnn", "transformer")}


def _spelled(ratios: dict[int, float]) -> str:
    return ", ".join(f"{significant(ratio, 2)} at {length:,}" for length, ratio in ratios.items())
