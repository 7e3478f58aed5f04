"""What a batch means: which head, loss, metrics and decoding.

A task's name stands in a run's configuration, where it decides what the groups `data` and `model`
hold. A new task is an entry here; one that differs from another in its data alone is the same
class with another kind of data.
"""

from seqjax.data.images import ImagesConfig
from seqjax.data.probes import dataset as probes
from seqjax.data.speech import SpeechConfig
from seqjax.errors import UserError, did_you_mean
from seqjax.tasks.classification import Classification
from seqjax.tasks.forecasting import Forecasting
from seqjax.tasks.labelling import Labelling
from seqjax.tasks.language_model import LanguageModel
from seqjax.tasks.question_answering import QuestionAnswering
from seqjax.tasks.regression import Regression
from seqjax.tasks.task import Task
from seqjax.tasks.translation import Translation
from seqjax.tasks.video import Video

TASKS: dict[str, Task] = {
    "classification": Classification(),
    "images": Classification(ImagesConfig),
    "speech": Classification(SpeechConfig),
    "video": Video(),
    "forecast": Forecasting(),
    "language_model": LanguageModel(),
    "translation": Translation(),
    "babi": QuestionAnswering(),
    "copy": Labelling(probes.CopyConfig),
    "selective_copy": Labelling(probes.SelectiveCopyConfig),
    "adding": Regression(probes.AddingConfig),
    "mqar": Labelling(probes.MultiQueryRecallConfig),
    "induction": Labelling(probes.InductionConfig),
    "parity": Labelling(probes.ParityConfig),
    "permutations": Labelling(probes.PermutationsConfig),
    "bracket_arithmetic": Classification(probes.BracketArithmeticConfig),
    "listops": Classification(probes.ListOpsConfig),
}


def make_task(name: str) -> Task:
    """The task of that name."""
    if name not in TASKS:
        raise UserError(f"task={name!r} is unknown; {did_you_mean(name, TASKS)}")
    return TASKS[name]
