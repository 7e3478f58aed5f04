"""The film of each test snippet, as a number: `python -m experiments.sentiment.films`.

Snippets of one film resemble each other, so that intervals over test examples draw whole films.
"""

import json
from pathlib import Path

from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.prepare import default_cache_folder
from seqjax.data.rotten_tomatoes import corpus_path, distinct_reviews
from seqjax.data.sources import load

RESULT = Path(__file__).with_name("films.json")


def films_of_test() -> list[int]:
    """Numbers in the order in which films first come, one for each snippet of the test split."""
    film_of = {review["text"]: review["film"] for review in distinct_reviews(corpus_path())}
    texts = load(LabelledTextConfig(), default_cache_folder()).splits["test"].texts
    numbers: dict[str, int] = {}
    return [numbers.setdefault(film_of[text], len(numbers)) for text in texts]


def read_films() -> list[int]:
    """The same numbers, as they were written down."""
    return json.loads(RESULT.read_text())


if __name__ == "__main__":
    RESULT.write_text(json.dumps(films_of_test()) + "\n")
