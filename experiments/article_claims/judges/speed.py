"""Claims about time, from the atlas of `experiments.crossover` and the article's own steps."""

from experiments.article_claims.evidence import DEPENDS, FAILS, HOLDS, Evidence, Finding, holds_if
from experiments.crossover.atlas import Atlas, Shape

TRAIN, FORWARD, DECODE = Shape("train"), Shape("forward"), Shape("decode")
LINEAR = (0.8, 1.2)  # exponents that a linear growth is measured as
PRINTED = (53.0, 118.0)  # milliseconds a step, RNN and Transformer, as the article prints them


def transformers_train_faster(evidence: Evidence) -> Finding:
    """Whether a train step of attention takes less time than one of an RNN, wherever it runs."""
    ratios, ids = _ratios(evidence, "attention", "rnn", TRAIN)
    planned = _planned(evidence)
    on_tpu = planned["transformer"]["step_seconds"] / planned["rnn"]["step_seconds"]
    faster = [ratio < 1 for ratio in (*ratios.values(), on_tpu)]
    return Finding(
        HOLDS if all(faster) else DEPENDS if any(faster) else FAILS,
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


def grows_with_length(evidence: Evidence) -> Finding:
    """Whether an RNN's time is proportional to the length."""
    atlas = Atlas(evidence.results("crossover"))
    exponents = {mixer: atlas.exponent(mixer, TRAIN) for mixer in ("rnn", "lstm", "gru")}
    ids = tuple(row["id"] for mixer in exponents for row in atlas.series(mixer, TRAIN).values())
    said = ", ".join(f"{mixer} {exponent:.2f}" for mixer, exponent in exponents.items())
    return Finding(
        holds_if(all(LINEAR[0] < exponent < LINEAR[1] for exponent in exponents.values())),
        f"A train step takes time as T to the power of: {said} (from 512 steps on).",
        ids,
    )


def efficient_at_long_sequences(evidence: Evidence) -> Finding:
    """Whether attention is the faster one at the greatest length, in all kinds of work."""
    said, faster, ids = [], [], ()
    for shape in (TRAIN, FORWARD, DECODE):
        ratios, found = _ratios(evidence, "attention", "lstm", shape)
        longest = max(ratios)
        said.append(f"{shape.work} {ratios[longest]:.1f} times at {longest:,} steps")
        faster.append(ratios[longest] < 1)
        ids += found
    return Finding(
        HOLDS if all(faster) else DEPENDS if any(faster) else FAILS,
        f"Time of attention over that of an LSTM: {', '.join(said)}.",
        ids,
    )


def printed_step_times(evidence: Evidence) -> Finding:
    """Whether the article's RNN takes less time than its Transformer, as the article prints."""
    rows = [evidence.rows("loop_cost")[f"loop_cost: {model}"] for model in ("rnn", "transformer")]
    ours = [row["bare_ms_per_step"] for row in rows]
    atlas = Atlas(evidence.results("crossover"))
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
    atlas = Atlas(evidence.results("crossover"))
    one, other = atlas.series(first, shape), atlas.series(second, shape)
    shared = sorted(one.keys() & other.keys())
    ratios = {n: one[n]["milliseconds"] / other[n]["milliseconds"] for n in shared}
    return ratios, tuple(each[n]["id"] for n in shared for each in (one, other))


def _planned(evidence: Evidence) -> dict[str, dict]:
    """What `seqjax.plan` says of the article's models, by model."""
    rows = evidence.rows("article_claims")
    return {model: rows[f"article_claims: plan {model}"] for model in ("rnn", "transformer")}


def _spelled(ratios: dict[int, float]) -> str:
    return ", ".join(f"{ratio:.2g} at {length:,}" for length, ratio in ratios.items())
