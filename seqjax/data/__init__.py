"""From a data set on disk to padded batches of NumPy arrays; no device code.

In the order of use: a kind of data (`labelled_text`, …) is a class of settings that keeps the
contract of `dataset`; it reads raw data (texts from `sources`: `rotten_tomatoes`, `files`, `tfds`),
turns them into columns of `arrays` (texts by `tokenizers`) and tells the `facts` that a run must
remember; `prepare` does this once and caches the result, and `loader` makes batches.
"""
