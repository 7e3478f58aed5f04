"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

from experiments.certificates import run as certificates
from experiments.certificates.cases import holds
from experiments.quoted import WORDS
from experiments.sweep import read_lines


def quotes() -> Iterator[str]:
    """Whether Newton's method returns what the loop would have returned."""
    rows = read_lines(certificates.RESULTS)
    chaotic, others = (
        [row for row in rows if (row["exponent"] > 0) == positive] for positive in (True, False)
    )
    yield f"{sum(map(holds, rows)):,} of {len(rows):,} cases are as promised"
    yield (
        f"Of the {len(chaotic)} chaotic ones {WORDS[sum(row['certified'] for row in chaotic)]} was "
        f"certified, and of the other {len(others)} the loop did "
        f"{sum(not row['certified'] for row in others)}"
    )
