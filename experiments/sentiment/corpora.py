"""Where the files of labelled texts lie, as settings of `data`."""

IMDB = {
    "data__source": "files",
    "data__train": "data/imdb/train.tsv.xz",
    "data__test": "data/imdb/test.tsv.xz",
}

SST = {
    "data__source": "trees",
    "data__train": "data/sst/trees_train.txt.gz",
    "data__valid": "data/sst/trees_dev.txt.gz",
    "data__test": "data/sst/trees_test.txt.gz",
}

TREC = {
    "data__source": "files",
    "data__train": "data/trec6/trec6_train.tsv.gz",
    "data__test": "data/trec6/trec6_test.tsv.gz",
    "data__label_column": "label",
}
