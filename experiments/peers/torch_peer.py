"""The article's train step in PyTorch: fused recurrent layers, fused attention, fused Adam.

Started by `python -m seqjax.benchmark --article --peers`, in an environment of its own.
"""

import os
from typing import Any

import torch
from torch import nn

from experiments.peers.batch import make_batch, sinusoidal
from seqjax.benchmarking.conversation import answer_requests

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Recurrent(nn.Module):
    """Embedding, one recurrent layer, a logit from its last state."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(settings["vocabulary_size"], settings["embedding_size"])
        layer = LAYERS[settings["model"]]
        self.layer = layer(settings["embedding_size"], settings["width"], batch_first=True)
        self.head = nn.Linear(settings["width"], 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.layer(self.embedding(tokens))
        return self.head(outputs[:, -1])[:, 0]


class Transformer(nn.Module):
    """Embedding and positions, post-norm ReLU blocks, a logit from the mean over steps."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        size = settings["embedding_size"]
        self.scale = size**0.5
        self.embedding = nn.Embedding(settings["vocabulary_size"], size)
        self.register_buffer("positions", torch.from_numpy(sinusoidal(settings["time"], size)))
        block = nn.TransformerEncoderLayer(
            size, settings["heads"], settings["feed_forward_size"], dropout=0.0, batch_first=True
        )
        self.blocks = nn.TransformerEncoder(block, settings["layers"])
        self.head = nn.Linear(size, 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens) * self.scale + self.positions
        return self.head(self.blocks(x).mean(1))[:, 0]


def prepare(settings: dict[str, Any]):
    """The model in training mode and one step of it."""
    torch.set_num_threads(os.cpu_count())
    torch.set_flush_denormal(True)  # as XLA does; vanishing gradients would take many times longer
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind = Transformer if settings["model"] == "transformer" else Recurrent
    model = kind(settings).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    tokens, labels = (torch.from_numpy(array).to(device) for array in make_batch(settings))
    tokens, labels = tokens.long(), labels.float()
    loss_of = nn.BCEWithLogitsLoss()

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(tokens), labels)
        loss.backward()
        optimizer.step()
        return loss.item()  # waits for the device

    losses = [step() for _ in range(settings["warm_up"])]
    return {
        "losses": losses,
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": {"torch": torch.__version__},
    }, step


if __name__ == "__main__":
    answer_requests(prepare)
