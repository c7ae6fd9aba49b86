"""One process, many tunes: what one leaves behind does not pile up."""

import gc

import psutil
import pytest

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.tuning.run import tune

pytest_plugins = "tiny_base"
WARM_UP, MANY = 3, 23


@pytest.mark.timeout(300)
def test_twenty_tunes_leave_memory_within_a_tenth_of_where_it_began(settings, tmp_path):
    process, sizes = psutil.Process(), []
    for number in range(MANY):
        method = (Full(), LoRA(r=2), QLoRA(r=2))[number % 3]
        run = tune(method, out=tmp_path / str(number), **settings | {"max_steps": 2, "score_examples": 1})
        assert run.status == "finished"
        gc.collect()
        sizes.append(process.memory_info().rss)
    assert len(sizes) - WARM_UP == 20
    assert sizes[-1] <= 1.1 * sizes[WARM_UP - 1], sizes
