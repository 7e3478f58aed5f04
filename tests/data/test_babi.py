"""bAbI: stories from its files, and stories of its kind; each answer follows from what was told."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from seqjax.data import stories, told_stories
from seqjax.data.babi import BabiConfig
from seqjax.data.prepare import prepare
from seqjax.data.probes.probe import NOT_ASKED
from seqjax.errors import UserError

SINGULAR = {"mice": "mouse", "wolves": "wolf", "cats": "cat", "sheep": "sheep"}
TRAIN = "".join(
    f"1 Mary went to the {place}.\n2 Where is Mary? \t{place}\t1\n3 John left.\n"
    for place in ("garden", "office") * 10
)
TEST = "1 Mary went to the office.\n2 Where is Mary?\toffice\t1\n"


def solved(story):
    """The answers to a story's questions, from its sentences alone."""
    place, kind, feared = {}, {}, {}
    for line in story:
        match line.text.rstrip(".?").split():
            case [name, *_, "to", "the", where]:
                place[name] = where
            case ["Where", "is", name]:
                yield place[name]
            case ["Is", name, "in", "the", where]:
                yield "yes" if place[name] == where else "no"
            case [name, "is", "a", animal]:
                kind[name.lower()] = animal
            case [kinds, "are", "afraid", "of", others]:
                feared[SINGULAR[kinds.lower()]] = SINGULAR[others]
            case ["What", "is", name, "afraid", "of"]:
                yield feared[kind[name]]


def answered(story):
    return [line.answer for line in story if line.answer]


@pytest.mark.parametrize("task", told_stories.TASKS)
def test_answers_follow_from_the_story(task):
    told = told_stories.tell(task, 0, 0, 200)
    for story in told:
        assert list(solved(story)) == answered(story)
    answers = [answer for story in told for answer in answered(story)]
    shares = np.unique(answers, return_counts=True)[1] / len(answers)
    assert shares.min() > 0.5 / len(shares)  # none is rare
    # A story is a function of its number, not of those beside it.
    assert told_stories.tell(task, 0, 7, 2) == told[7:9]
    assert told_stories.tell(task, 1, 0, 1) != told[:1]


def test_stories_are_the_same_on_any_machine():
    text = repr([told_stories.tell(task, 0, 0, 20) for task in told_stories.TASKS])
    assert hashlib.sha256(text.encode()).hexdigest().startswith("c9efee843be0c23b")


@pytest.mark.parametrize(("task", "count"), [(1, 2_000), (6, 2_000), (15, 2_500)])
def test_the_published_stories_have_their_answers(shared_data, task, count):
    config = BabiConfig(source="files", folder=str(shared_data / "babi_en10k"), tasks=(task,))
    splits = {name: each[task] for name, each in config.stories_of_splits().items()}
    assert len(splits["train"]) + len(splits["valid"]) == count
    assert len(splits["valid"]) == count // 10
    for told in splits.values():
        for story in told:
            assert list(solved(story)) == answered(story)


@pytest.mark.parametrize("task", [1, 4, 6, 9, 15, 16, 19, 20])
def test_as_many_questions_as_published(shared_data, task):
    config = BabiConfig(source="files", folder=str(shared_data / "babi_en10k"), tasks=(task,))
    asked = {
        name: len(list(stories.questions(told[task])))
        for name, told in config.stories_of_splits().items()
    }
    assert (asked["train"] + asked["valid"], asked["test"]) == (10_000, 1_000)


@pytest.fixture
def folder(tmp_path):
    """Returns a folder of two tasks."""
    folder = tmp_path / "en-10k"
    folder.mkdir()
    for task in (1, 2):
        (folder / f"qa{task}_some-name_train.txt").write_text(TRAIN)
        (folder / f"qa{task}_some-name_test.txt").write_text(TEST)
    return folder


def test_a_row_is_a_story_and_is_asked_at_its_questions(folder, tmp_path):
    config = BabiConfig(source="files", folder=str(folder), tasks=(1, 2), buckets=1)
    data = prepare(config, tmp_path / "cache")
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 36,
        "valid": 4,
        "test": 2,
    }
    assert data.facts.labels == ("garden", "office")
    test = data.splits["test"]
    words = data.tokenizer.decode(test.columns["tokens"][1].tolist()).split()
    assert " ".join(words) == "mary went to the office . where is mary ?"
    assert test.columns["targets"][1].tolist() == [NOT_ASKED] * 9 + [1]
    assert test.columns["group"].tolist() == [1, 2]
    for split in data.splits.values():
        np.testing.assert_array_equal(
            split.columns["tokens"].offsets, split.columns["targets"].offsets
        )
    assert data.facts.splits["train"].measures == {"questions": 36.0}
    assert data.facts.splits["valid"].measures == {"questions": 4.0, "in_train": 1.0}

    typed = config.read(["Mary went to the garden. Where is Mary?"], data.facts, data.tokenizer)
    decoded = data.tokenizer.decode(typed.columns["tokens"][0].tolist())
    assert decoded == "mary went to the garden . where is mary ?"
    with pytest.raises(UserError, match=r"has 40 steps, .* at most 16"):
        config.read(["Mary. " * 20], data.facts, data.tokenizer)


def test_a_row_is_a_question_and_what_was_told_before_it(folder, tmp_path):
    lines = "1 Mary left.\n2 Is Mary here?\tno\t1\n3 Mary came.\n4 Is Mary here?\tyes\t3\n"
    (folder / "qa1_some-name_train.txt").write_text(lines * 10)
    (folder / "qa1_some-name_test.txt").write_text(lines)
    config = BabiConfig(source="files", folder=str(folder), buckets=1, questions="first")
    data = prepare(config, tmp_path / "cache")
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 18,
        "valid": 2,
        "test": 2,
    }
    columns = data.splits["test"].columns
    first, second = (data.tokenizer.decode(columns["tokens"][row].tolist()) for row in (0, 1))
    assert first == "is mary here ? mary left ."
    assert second == "is mary here ? mary left . mary came ."
    assert data.facts.labels == ("no", "yes")
    assert columns["targets"][0].tolist() == [NOT_ASKED] * 6 + [0]
    assert columns["targets"][1].tolist() == [NOT_ASKED] * 9 + [1]
    typed = config.read(["Mary left. Mary came. Is Mary here?"], data.facts, data.tokenizer)
    assert data.tokenizer.decode(typed.columns["tokens"][0].tolist()) == second


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "file"}, "data.source='file' is unknown"),
        ({"source": "files"}, "data.folder='' must name a folder"),
        ({"folder": "en-10k"}, "data.folder='en-10k' .* be empty"),
        ({"tasks": (2,)}, r"data.tasks=\(2,\) must be numbers of tasks, which are 1, 6, 15"),
        ({"tasks": ()}, r"data.tasks=\(\)"),
        ({"valid_rows": 0}, "data.valid_rows=0"),
        ({"questions": "last"}, "data.questions='last' is unknown"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        BabiConfig(**settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2 Mary left.\n", "line 1: the first story must begin with number 1"),
        (TRAIN + "Mary left.\n", "line 61: 'Mary left.' must be a number and a sentence"),
        ("1 Where is Mary?\t\t1\n", "line 1: .* a tab and its answer"),
        ("1 Mary left.\n", "has no questions"),
        (TEST, "has 1 stories, too few"),
    ],
)
def test_files_that_cannot_be_read_are_told(folder, tmp_path, text, said):
    (folder / "qa1_some-name_train.txt").write_text(text)
    with pytest.raises(UserError, match=said):
        BabiConfig(source="files", folder=str(folder)).make("", tmp_path)


def test_what_is_missing_is_told(folder, tmp_path):
    config = BabiConfig(source="files", folder=str(folder))
    (folder / "qa1_some-name_test.txt").write_text(TEST.replace("office", "kitchen"))
    with pytest.raises(UserError, match="answer 'kitchen' in task 1 of test"):
        config.make("", tmp_path)
    with pytest.raises(UserError, match=r"has no qa3_…_train\.txt"):
        replace(config, tasks=(3,)).fingerprint()
