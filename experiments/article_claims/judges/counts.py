"""Claims that counting settles: weights, order, formulas, memory."""

from experiments.article_claims.evidence import Evidence, Finding, Row, holds_if, holds_if_all
from experiments.crossover.atlas import Atlas, Shape

TRAIN = Shape("train")
ROUNDING = 1e-5  # what float32 makes of equal numbers


def weights_for_each_step(evidence: Evidence) -> Finding:
    """Whether an RNN's parameters grow with the length."""
    row = evidence.measured("weights_by_length")
    short, long = row["figures"]["rnn"]
    lengths = row["figures"]["lengths"]
    learned = row["figures"]["attention with a learned position a step"]
    return Finding(
        holds_if(long > short),
        f"{short:,} weights for {lengths[0]} steps and {long:,} for {lengths[1]}: one set serves "
        f"every step. Only learned positions grow: {learned[0]:,} to {learned[1]:,}.",
        (row["id"],),
    )


def heads_share_weights(evidence: Evidence) -> Finding:
    """Whether more heads mean fewer parameters."""
    row = evidence.measured("parameters_by_heads")
    own = row["figures"]["own keys and values"]
    shared = row["figures"]["one key and value for all"]
    heads = row["figures"]["heads"]
    return Finding(
        holds_if(own[-1] < own[0]),
        f"{own[0]:,} weights with {heads[0]} head and {own[-1]:,} with {heads[-1]}: heads share "
        f"nothing. Keys and values that all heads do share (multi-query) leave {shared[-1]:,}.",
        (row["id"],),
    )


def gradient_formula(evidence: Evidence) -> Finding:
    """Whether the sum over steps is the gradient, in its two readings."""
    row = evidence.measured("gradient_formulas")
    whole = row["figures"]["whole derivative"]
    own = row["figures"]["loss of its own step alone"]
    exact = [whole < ROUNDING, own < ROUNDING]
    return Finding(
        holds_if_all(exact),
        f"With dL/dh_t through all later steps it is autodiff's gradient up to {whole:.0e}; with "
        f"the loss of step t alone, as it may also be read, it is {100 * own:.0f}% off.",
        (row["id"],),
    )


def order_is_lost(evidence: Evidence) -> Finding:
    """Whether shuffled inputs give the same answer where attention sees all steps."""
    row = evidence.measured("order")
    figures = row["figures"]
    alone, two = figures["attention"], figures["attention, two blocks"]
    placed = figures["attention, sinusoidal positions"]
    return Finding(
        holds_if(max(alone, two) < ROUNDING < placed),
        f"Shuffling moves the answer by {max(alone, two):.0e} of its size (rounding) without "
        f"positions and by {placed:.2f} with sinusoidal ones.",
        (row["id"],),
    )


def order_is_lost_under_a_causal_mask(evidence: Evidence) -> Finding:
    """The same where attention sees earlier steps only."""
    row = evidence.measured("order")
    masked = row["figures"]["attention, causal"]
    return Finding(
        holds_if(masked < ROUNDING),
        f"Shuffling moves the answer by {masked:.2f} of its size: the mask itself tells steps "
        f"apart, by how much each may see.",
        (row["id"],),
    )


def steps_wait(evidence: Evidence) -> Finding:
    """Whether a compiled RNN has as many steps in a row as its input, and attention none."""
    row = evidence.measured("depth")
    lengths = row["figures"]["lengths"]
    rnn, attention = (row["figures"][f"{name}: forward"] for name in ("rnn", "attention"))
    return Finding(
        holds_if(rnn["loop steps"] == lengths and not any(attention["loop steps"])),
        f"At {lengths[1]} steps the compiled RNN has {rnn['loop steps'][1]:.0f} iterations in a "
        f"row, attention {attention['loop steps'][1]:.0f}.",
        (row["id"],),
    )


def grows_with_length(evidence: Evidence) -> Finding:
    """Whether the kernels that wait for one another grow in proportion to the length."""
    row = evidence.measured("depth")
    short, long = row["figures"]["lengths"]
    kernels = row["figures"]["rnn: train"]["kernels"]
    growth = kernels[1] / kernels[0]
    return Finding(
        holds_if(0.9 < growth / (long / short) < 1.1),
        f"From {short} to {long} steps, {long / short:.0f} times as many, the kernels in a row of "
        f"its train step grow {growth:.1f}-fold, from {kernels[0]:,.0f} to {kernels[1]:,.0f}.",
        (row["id"],),
    )


def efficient_at_long_sequences(evidence: Evidence) -> Finding:
    """Whether attention is ahead in steps that wait, in memory, and in time on a CPU."""
    depth, memory = evidence.measured("depth"), evidence.measured("memory")
    kernels = {
        mixer: depth["figures"][f"{mixer}: train"]["kernels"][-1] for mixer in ("attention", "rnn")
    }
    rnn, blocks, plain = _held(memory)
    atlas = Atlas(evidence.results("crossover"), "cpu")
    longest, ratio = max(atlas.ratios("attention", "rnn", TRAIN).items())
    timed = [atlas.series(mixer, TRAIN)[longest]["id"] for mixer in ("attention", "rnn")]
    return Finding(
        holds_if_all([kernels["attention"] < kernels["rnn"], blocks < rnn, ratio < 1]),
        f"On what is scarce. Kernels in a row of a train step over "
        f"{depth['figures']['lengths'][-1]} steps: attention {kernels['attention']:,.0f}, RNN "
        f"{kernels['rnn']:,.0f}; memory over {memory['figures']['lengths'][-1]:,}: attention "
        f"{blocks / rnn:.1f} times that of the RNN in blocks, {plain / rnn:,.0f} times in its "
        f"plain form; time of a train step over {longest:,} on two CPU cores: {ratio:.0f} times "
        f"that of the RNN.",
        (depth["id"], memory["id"], *timed),
    )


def recurrences_cannot_be_parallel(evidence: Evidence) -> Finding:
    """Whether every recurrence needs as many steps in a row as its input has."""
    depth = evidence.measured("depth")
    equal = evidence.measured("parallel_equals_sequential")
    lengths = depth["figures"]["lengths"]
    tree = depth["figures"]["mingru, as a tree: forward"]
    steps = depth["figures"]["mingru, one step at a time: forward"]
    error = equal["figures"]["relative difference"]
    loop, newton = (
        row
        for form in ("sequential", "newton")
        for row in evidence.rows("depth").values()
        if (row["recurrence"], row["form"]) == ("gru", form)
    )
    parallel = error < ROUNDING and tree["kernels"][1] < lengths[1] and not any(tree["loop steps"])
    parallel &= newton["certified"] and newton["arithmetic_depth"] < loop["arithmetic_depth"]
    return Finding(
        holds_if(not parallel),
        f"A minGRU over {lengths[1]} steps compiles to {tree['kernels'][1]:.0f} kernels in a row "
        f"as a tree, {steps['kernels'][1]:,.0f} one step at a time; over "
        f"{equal['figures']['steps']:,} steps the two differ by {error:.0e} of the size. Newton's "
        f"method solves {loop['length']:,} steps of a GRU, certified, with "
        f"{newton['arithmetic_depth']:,} operations in a row against {loop['arithmetic_depth']:,}.",
        (depth["id"], equal["id"], loop["id"], newton["id"]),
    )


def memory_of_training(evidence: Evidence) -> Finding:
    """Whether a recurrence needs less memory than attention, in training and in streaming."""
    row = evidence.measured("memory")
    figures = row["figures"]
    rnn, blocks, plain = _held(row)
    carries = {name: figures[name]["carry"] for name in ("rnn", "attention")}
    constant = len(set(carries["rnn"])) == 1
    return Finding(
        holds_if(
            rnn < min(blocks, plain) and constant and carries["rnn"][-1] < carries["attention"][-1]
        ),
        f"One block at {figures['lengths'][-1]:,} steps: a train step holds {rnn / 2**20:,.0f} MiB "
        f"for the RNN, {blocks / 2**20:,.0f} MiB for attention in blocks and "
        f"{plain / 2**20:,.0f} MiB in its plain form; a carry stays "
        f"{carries['rnn'][-1] / 2**10:,.0f} KiB against {carries['attention'][-1] / 2**10:,.0f} "
        f"KiB.",
        (row["id"],),
    )


def _held(memory: Row) -> list[float]:
    """Bytes at the greatest length: of the RNN, of attention in blocks and in its plain form."""
    names = ("rnn", "attention, in blocks", "attention")
    return [memory["figures"][name]["train step"][-1] for name in names]
