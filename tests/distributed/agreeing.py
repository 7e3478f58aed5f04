"""What `seqjax.distributed.hosts` answers to this host, one JSON object: `agreeing.py FOLDER`."""

import json
import sys
from contextlib import contextmanager

import jax
import numpy as np

from seqjax.distributed import hosts
from seqjax.distributed.config import MeshConfig
from seqjax.distributed.mesh import make_mesh
from seqjax.distributed.shardings import batch_sharding, local_rows, place_batch
from seqjax.errors import UserError
from seqjax.training.folder import RunFolder

answers = {}


@contextmanager
def answering(name):
    answers[name] = "went on"
    try:
        yield
    except UserError as error:
        answers[name] = str(error)


hosts.join("auto")
host = jax.process_index()
answers["gathered"] = hosts.gather("é" * 3 * host)
answers["from first"] = hosts.from_first(lambda: {"host": host})
with answering("all alike"):
    hosts.check_same("flags", "--seed=1")
with answering("one differs"):
    hosts.check_same("flags", f"--seed={host // 2}")
with answering("none fails"), hosts.together():
    pass
with answering("one fails"), hosts.together():
    if host == 1:
        raise UserError("data.train='x.csv' is not a file.")
with answering("first fails"):
    hosts.from_first(lambda: RunFolder("/nowhere").config())
with answering("not said to be shared"):
    RunFolder(sys.argv[1]).check_seen_by_all(False)
with answering("shared"):
    RunFolder(sys.argv[1]).check_seen_by_all(True)

for name, config in (
    ("data", MeshConfig()),
    ("tensor", MeshConfig(data=1, tensor=-1)),
    ("both", MeshConfig(data=2, tensor=-1)),
):
    sharding = batch_sharding(make_mesh(config, jax.devices()), config)
    rows = np.arange(24).reshape(12, 2)
    held = local_rows(sharding, 12)
    placed = place_batch(sharding, {"tokens": rows[held]}, 12)["tokens"]
    for shard in placed.addressable_shards:
        np.testing.assert_array_equal(shard.data, rows[shard.index])
    answers[f"rows of {name}"] = held.tolist()
print(json.dumps(answers))
hosts.leave(0)
