"""Spoken words train, and wav files are answered by their label."""

TINY = {
    "data.source": "files",
    "data.mel_bins": 8,
    "data.buckets": 1,
    "model.embedding_size": 8,
    "model.width": 8,
    "model.feed_forward_size": 8,
    "train.batch_size": 8,
}


def test_two_steps(command, two_steps, write_words, tmp_path):
    write_words(tmp_path / "words", ("yes", "no"), ("ann", "bob"), takes=11)
    settings = TINY | {"data.train": tmp_path / "words", "data.held_out_speaker": "bob"}
    summary, workdir = two_steps("speech.py:rnn", settings)
    assert 0 <= summary["test"]["accuracy"] <= 1 and 0 < summary["test"]["loss"] < 5
    confusion = command("evaluate", workdir, "--confusion").json["confusion"]
    assert confusion["labels"] == ["no", "yes"]
    assert sum(map(sum, confusion["matrix"])) == 22  # all that bob says
    lines = "\n".join(str(tmp_path / "words" / f"{name}_ann_0.wav") for name in ("yes", "no"))
    answers = command("predict", workdir, stdin=lines.encode()).out.splitlines()
    assert {answer.split("\t")[0] for answer in answers} <= {"no", "yes"} and len(answers) == 2
