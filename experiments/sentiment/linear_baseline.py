"""The line to beat: tf-idf of words and word pairs with logistic regression, on the same split.

    python -m experiments.sentiment.linear_baseline

Needs scikit-learn (extra `bench`). The regularisation is chosen on the validation split.
"""

import json
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.prepare import default_cache_folder
from seqjax.data.sources import load

RESULT = Path(__file__).with_name("linear_baseline.json")
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # inverse regularisation


def main() -> None:
    """Prints one JSON object and writes it to `linear_baseline.json`."""
    splits = load(LabelledTextConfig(source="rotten_tomatoes"), default_cache_folder()).splits
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    features = {"train": vectorizer.fit_transform(splits["train"].texts)}
    features |= {name: vectorizer.transform(splits[name].texts) for name in ("valid", "test")}
    scores = {}
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000)
        model.fit(features["train"], splits["train"].labels)
        scores[strength] = {
            name: model.score(features[name], splits[name].labels) for name in ("valid", "test")
        }
    best = max(scores, key=lambda strength: scores[strength]["valid"])
    majority = max(splits["train"].labels.count(label) for label in set(splits["train"].labels))
    row = {"model": "tf-idf + logistic regression", "strength": best, **scores[best]}
    row["majority"] = majority / len(splits["train"])
    RESULT.write_text(json.dumps(row) + "\n")
    print(json.dumps(row))


if __name__ == "__main__":
    main()
