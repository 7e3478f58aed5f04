"""The lines to beat: linear models of words and word pairs, on the same splits.

    python -m experiments.sentiment.linear_baseline

tf-idf with logistic regression, and on IMDB also pairs weighted by the logarithm of their odds in
either class, as a naive Bayes classifier has them (Wang and Manning 2012, "Baselines and bigrams",
with logistic regression in the place of the SVM); tf-idf on TREC and SST-2 as well. Needs
scikit-learn (extra `bench`), and IMDB, TREC and SST-2 in `data`. The regularisation is chosen on
the validation split.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from experiments.details import packed
from experiments.sentiment.corpora import IMDB, SST, TREC
from experiments.sentiment.run import TF_IDF, linear_accuracies
from experiments.sweep import Cell
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.prepare import default_cache_folder
from seqjax.data.sources import load
from seqjax.data.texts import Texts

RESULT = Path(__file__).with_name("linear_baseline.json")
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # inverse regularisation
SMOOTHING = 1.0  # added to the counts of each word

Features = Mapping[str, sparse.csr_matrix]


def main() -> None:
    """Writes `linear_baseline.json`, and prints its test accuracies."""
    snippets = texts_of(LabelledTextConfig(source="rotten_tomatoes"))
    reviews = texts_of(Cell("configs/imdb.py:bag").where(**IMDB).resolve().data)
    questions = texts_of(Cell("configs/trec.py:bag").where(**TREC).resolve().data)
    sentences = texts_of(Cell("configs/sst2.py:bag").where(**SST).resolve().data)
    found = {
        "rotten_tomatoes": {TF_IDF: best(tf_idf(snippets), snippets)},
        "imdb": {
            TF_IDF: best(tf_idf(reviews), reviews),
            "NB-weighted bigrams + logistic regression": best(naive_bayes(reviews), reviews),
        },
        "trec": {TF_IDF: best(tf_idf(questions), questions)},
        "sst2": {TF_IDF: best(tf_idf(sentences), sentences)},
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
    }
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(
        json.dumps({corpus: linear_accuracies(corpus) for corpus in found if corpus != "versions"})
    )


def texts_of(config: LabelledTextConfig) -> Mapping[str, Texts]:
    """The texts of all splits, as the models are given them."""
    return load(config, default_cache_folder()).splits


def tf_idf(splits: Mapping[str, Texts]) -> Features:
    """Logarithmic counts of words and pairs, weighted by how few texts have them."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    vectorizer.fit(splits["train"].texts)
    return {name: vectorizer.transform(split.texts) for name, split in splits.items()}


def naive_bayes(splits: Mapping[str, Texts]) -> Features:
    """Which words and pairs a text has, each weighted by the logarithm of its odds."""
    vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True, min_df=2)
    vectorizer.fit(splits["train"].texts)
    present = {name: vectorizer.transform(split.texts) for name, split in splits.items()}
    labels = np.array(splits["train"].labels)
    shares = []
    for label in np.unique(labels):
        counts = SMOOTHING + np.asarray(present["train"][labels == label].sum(axis=0)).ravel()
        shares.append(counts / counts.sum())
    weights = sparse.diags(np.log(shares[1] / shares[0]))
    return {name: words @ weights for name, words in present.items()}


def best(features: Features, splits: Mapping[str, Texts]) -> dict[str, Any]:
    """What the regularisation that is best on the validation split reaches.

    Its accuracies, and which test texts it labels rightly, in their order.
    """
    scores, correct = {}, {}
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000)
        model.fit(features["train"], splits["train"].labels)
        scores[strength] = {
            name: model.score(features[name], splits[name].labels) for name in ("valid", "test")
        }
        correct[strength] = model.predict(features["test"]) == splits["test"].labels
    chosen = max(scores, key=lambda strength: scores[strength]["valid"])
    return {"strength": chosen, **scores[chosen], "test_correct": packed(correct[chosen])}


if __name__ == "__main__":
    main()
