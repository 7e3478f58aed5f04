"""Verdicts follow from the committed rows, and change with them."""

import json
import shutil

import pytest

from experiments.article_claims import measurements, run
from experiments.article_claims.evidence import DEPENDS, FAILS, HOLDS, NOT_SHOWN, Evidence
from experiments.article_claims.judges import ability, counts, gradients, speed
from experiments.article_claims.ledger import CLAIMS
from experiments.sweep import ROOT, one_of
from seqjax.errors import UserError

EVIDENCE = Evidence()


@pytest.fixture(scope="module")
def findings():
    """Returns what each claim's rows say."""
    return [claim.judge(EVIDENCE) for claim in CLAIMS]


@pytest.fixture
def changed(tmp_path):
    """Returns evidence in which some rows of an experiment were changed."""

    def change(experiment, edit, part="results"):
        for path in ROOT.glob("experiments/*/*.jsonl"):
            folder = tmp_path / path.parent.name
            folder.mkdir(exist_ok=True)
            shutil.copy(path, folder)
        path = tmp_path / experiment / f"{part}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            edit(row)
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return Evidence(tmp_path)

    return change


def test_there_are_as_many_claims_as_were_asked_for():
    assert len(CLAIMS) >= 22
    assert len({claim.statement for claim in CLAIMS}) == len(CLAIMS)


def test_every_verdict_in_print_is_what_the_rows_give(findings):
    for claim, finding in zip(CLAIMS, findings, strict=True):
        assert finding.verdict == claim.verdict, f"{claim.statement} {finding.figure}"


def test_every_measurement_runs_alone_by_the_command_of_its_row():
    every = [run.Measurement(name) for name in measurements.MEASUREMENTS]
    for row in EVIDENCE.rows("article_claims").values():
        assert one_of(every, row["id"]).command == row["command"]
    with pytest.raises(UserError, match="--only='ordre' names no row: ids are like 'article"):
        one_of(every, "ordre")


def test_every_finding_names_rows_that_are_there(findings):
    experiments = {claim.experiment for claim in CLAIMS} | {"loop_cost", "peers", "depth"}
    rows = {name for experiment in experiments for name in EVIDENCE.rows(experiment)}
    rows |= set(EVIDENCE.rows("sentiment", "imdb"))
    for finding in findings:
        assert finding.rows and set(finding.rows) <= rows
        assert "nan" not in finding.figure


@pytest.mark.parametrize("name", ["parameters_by_heads", "gradient_formulas"])
def test_what_was_counted_is_counted_again(name):
    figures = json.loads(json.dumps(measurements.MEASUREMENTS[name]()))
    committed = EVIDENCE.measured(name)["figures"]
    if name == "gradient_formulas":
        exact, half = figures.values()
        assert exact < counts.ROUNDING
        assert half == pytest.approx(committed["loss of its own step alone"], rel=1e-4)
    else:
        assert figures == committed


def test_weights_that_grow_with_the_length_would_be_weights_for_each_step(changed):
    def grow(row):
        if row["id"].endswith("weights_by_length"):
            row["figures"]["rnn"][1] += 1

    assert counts.weights_for_each_step(changed("article_claims", grow)).verdict == HOLDS


def test_an_answer_that_shuffling_moves_would_keep_the_order(changed):
    def move(row):
        if row["id"].endswith(": order"):
            row["figures"]["attention"] = 0.01

    assert counts.order_is_lost(changed("article_claims", move)).verdict == FAILS


def test_a_transformer_that_is_better_at_every_seed_would_be_more_accurate(changed):
    def better(row):
        if row["summary"]["model"] == "transformer":
            row["summary"]["test"]["accuracy"] += 0.05

    evidence = changed("sentiment", better)
    assert ability.transformer_is_more_accurate(EVIDENCE).verdict == DEPENDS
    assert ability.transformer_is_more_accurate(evidence).verdict == HOLDS
    unchanged = ability.transformer_has_lower_loss(EVIDENCE).verdict
    assert ability.transformer_has_lower_loss(evidence).verdict == unchanged


def test_a_loss_that_is_lower_on_the_validation_split_too_would_be_the_lower_one(changed):
    def lower(row):
        if "transformer" in row["config"]["preset"]:
            row["curve"][-1]["loss"] = 0.1 + row["summary"]["seed"] / 1000

    assert ability.transformer_has_lower_loss(EVIDENCE).verdict == DEPENDS
    assert ability.transformer_has_lower_loss(changed("sentiment", lower)).verdict == HOLDS


def test_a_transformer_that_is_no_better_on_whole_reviews_would_be_so_nowhere(changed):
    def scatter(row):
        spread = 0.03 if row["config"]["preset"].startswith("transformer") else 0.0
        row["summary"]["test"]["accuracy"] = 0.8 + spread * (row["summary"]["seed"] - 1)

    evidence = changed("sentiment", scatter, part="imdb")
    assert ability.transformer_is_more_accurate(evidence).verdict == NOT_SHOWN


def test_a_small_effect_is_excluded_or_not_shown_by_the_width_of_its_interval():
    assert ability.of_gain(1.5, 0.5, 0.001, smallest=1.0) == HOLDS
    assert ability.of_gain(-1.5, 0.5, 0.001, smallest=1.0) == FAILS  # the contrary is shown
    assert (
        ability.of_gain(0.1, 0.4, 0.6, smallest=1.0) == FAILS
    )  # less than a point, whatever it is
    assert ability.of_gain(0.1, 1.4, 0.6, smallest=1.0) == NOT_SHOWN


def test_a_hybrid_that_is_better_at_every_seed_would_beat_either(changed):
    def better(row):
        if row["config"]["preset"] == "hybrid" and "summary" in row:
            row["summary"]["test"]["accuracy"] = 0.9

    assert ability.hybrids_beat_either(EVIDENCE).verdict == NOT_SHOWN
    assert ability.hybrids_beat_either(changed("long_range", better)).verdict == HOLDS


def test_one_head_that_is_worse_at_every_seed_would_speak_for_several(changed):
    def worse(row):
        if row["config"]["model"]["heads"] == 1:
            row["summary"]["test"]["accuracy"] -= 0.1

    assert ability.several_heads(changed("ablations", worse)).verdict == HOLDS


def test_recurrences_that_recall_nothing_would_leave_recall_to_attention(changed):
    def forget(row):
        if row["config"]["preset"] in ("lstm", "rglru"):
            row["summary"]["valid"]["accuracy"] = 0.1

    assert ability.misses_the_long_range(EVIDENCE).verdict == DEPENDS
    assert ability.misses_the_long_range(changed("long_range", forget)).verdict == HOLDS


def test_order_that_every_recurrence_follows_in_every_seed_would_hold(changed):
    def follow(row):
        if row["config"]["preset"] in ("rnn", "lstm", "gru"):
            row["summary"]["valid"]["accuracy"] = 0.99

    def guess(row):
        if "summary" in row:
            row["summary"]["valid"]["accuracy"] = 0.5

    assert ability.temporal_order(EVIDENCE).verdict == DEPENDS
    assert ability.temporal_order(changed("long_range", follow)).verdict == HOLDS
    assert ability.temporal_order(changed("long_range", guess)).verdict == FAILS


def test_clipping_with_which_seeds_recall_more_would_help(changed):
    def recall(share):
        def edit(row):
            if row["id"].startswith("gradients: rnn, weights doubled, clipped"):
                row["test"] = share + row["seed"] / 1000

        return changed("gradients", edit)

    judge = gradients.helps("clipping", "exploding")
    assert judge(EVIDENCE).verdict == NOT_SHOWN
    assert judge(recall(0.96)).verdict == HOLDS
    assert judge(recall(0.5)).verdict == DEPENDS  # better, and yet no seed learns the task
    assert judge(recall(0.0)).verdict == FAILS


def test_a_run_that_diverged_recalls_nothing(changed):
    def diverge(row):
        if row["id"].startswith("gradients: rnn, weights doubled, clipped"):
            row["test"] = None

    assert gradients.helps("clipping", "exploding")(changed("gradients", diverge)).verdict == FAILS


def test_gradients_that_stay_would_not_vanish(changed):
    def stay(row):
        row["norms_at_start"] = [1.0] * len(row["norms_at_start"])

    evidence = changed("gradients", stay)
    assert gradients.vanishing(evidence).verdict == FAILS
    assert gradients.exploding(evidence).verdict == FAILS
    assert gradients.gates_mitigate(evidence).verdict == FAILS


def test_an_rnn_that_forgets_after_few_steps_would_not_be_good_at_short_ranges(changed):
    def forget(row):
        if row["id"] == "gradients: rnn, 16 steps, 0.001, 3":
            row["test"] = 0.5

    assert gradients.good_at_short_range(EVIDENCE).verdict == HOLDS
    assert gradients.good_at_short_range(changed("gradients", forget)).verdict == FAILS


def test_attention_that_takes_no_time_would_be_the_faster_one(changed):
    def fly(row):
        if row["mixer"] == "attention" and "milliseconds" in row:
            row["milliseconds"] = 1e-6

    evidence = changed("crossover", fly)
    assert speed.transformers_train_faster(evidence).verdict == HOLDS
    assert speed.slow_on_long_sequences(evidence).verdict == HOLDS
    assert counts.efficient_at_long_sequences(evidence).verdict == DEPENDS  # there is memory, too


def test_an_rnn_that_takes_over_half_of_the_transformer_s_time_would_contradict_what_is_printed(
    changed,
):
    def slow(row):
        if row["id"] == "loop_cost: rnn":
            row["bare_ms_per_step"] *= 3

    assert speed.printed_step_times(EVIDENCE).verdict == DEPENDS  # on the device
    assert speed.printed_step_times(changed("loop_cost", slow)).verdict == FAILS


def test_an_accelerator_that_helps_the_rnn_more_would_refute_what_is_said_of_them(changed):
    def turn(row):
        if row["id"] == "article_claims: plans":
            row["figures"]["transformer"]["step_seconds"] = 1e3

    assert speed.accelerators_help(EVIDENCE).verdict == NOT_SHOWN
    assert speed.accelerators_help(changed("article_claims", turn)).verdict == FAILS
