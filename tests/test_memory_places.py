"""Where an operation of backward happens; on a GPU backward has a thread of its own, with numbers of its own."""

from threading import Thread

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from finetune_lab.memory.places import Places


class Deep(nn.Module):
    """Three layers, one of them recomputed in backward when asked for; `seen` is told of each one's gradient."""

    def __init__(self, seen, *, checkpointing):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
        self.seen, self.checkpointing = seen, checkpointing

    def forward(self, x):
        x = self.marked("first", self.first(x))
        x = checkpoint(self.second, x, use_reentrant=False) if self.checkpointing else self.second(x)
        return self.marked("third", self.third(self.marked("second", x)))

    def marked(self, name, x):
        x.register_hook(lambda _: self.seen(name))
        return x


def in_this_thread(work):
    work()


def in_another_thread(work):
    thread = Thread(target=work)
    thread.start()
    thread.join()


@pytest.mark.parametrize("backward_in", [in_this_thread, in_another_thread])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_backward_is_placed_in_whichever_thread_it_runs(backward_in, checkpointing):
    seen = []
    model = Deep(lambda name: seen.append((name, *places.now())), checkpointing=checkpointing)
    for name in ("third", "second", "first"):
        weight = getattr(model, name).weight
        weight.register_post_accumulate_grad_hook(lambda _, name=name: seen.append((name, *places.now())))
    places = Places(model)
    with places:
        loss = model(torch.ones(2, 3)).sum()
        backward_in(loss.backward)
    assert seen == [(name, "backward", name) for name in ("third", "second", "first") for _ in range(2)]
