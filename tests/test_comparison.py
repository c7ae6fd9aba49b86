"""`compare`: the same data in the same order for every method, and a table that shows what each did."""

import json
import re

import pytest
from tiny import one_line

from finetune_lab.config import Full, LoRA, QLoRA
from finetune_lab.errors import ConfigError
from finetune_lab.events import MEMORY_COMPONENTS, Ended, Stepped
from finetune_lab.tables import as_html, as_text
from finetune_lab.tuning.comparison import compare

pytest_plugins = "tiny_base"


def test_three_methods_learn_from_the_same_batches(settings, tmp_path):
    heard = []
    race = compare(out=tmp_path / "race", on_event=lambda method, event: heard.append((method, event)), **settings)
    assert [run.method for run in race.runs] == [Full(), LoRA(), QLoRA()]
    tokens = [[event.tokens for event in run.events if isinstance(event, Stepped)] for run in race.runs]
    assert tokens[0] == tokens[1] == tokens[2]
    assert len({round(run.losses[0], 1) for run in race.runs}) == 1
    assert all(run.losses[-1] < run.losses[0] for run in race.runs)
    assert len({run.events[1].eval_loss for run in race.runs[:2]}) == 1
    assert sorted(item.name for item in race.folder.iterdir()) == ["full", "lora-r8", "qlora-r8-4bit"]
    assert len(heard) == sum(len(run.events) for run in race.runs)
    assert [method for method, event in heard if isinstance(event, Ended)] == [Full(), LoRA(), QLoRA()]

    rows = race.rows()
    assert [row["method"] for row in rows] == ["full", "lora r=8", "qlora r=8 4-bit"]
    memory = race.memory_rows()
    assert [next(iter(row.values())) for row in memory] == [*MEMORY_COMPONENTS, "peak"]
    errors = [float(found) for row in memory for found in re.findall(r"\(([-+][\d.]+) %\)", " ".join(row.values()))]
    assert len(errors) >= 16
    assert max(abs(error) for error in errors) <= 1, as_text(memory)
    assert repr(race) == f"{as_text(rows)}\n\n{as_text(memory)}"
    assert race._repr_html_() == as_html(rows) + as_html(memory)
    assert all("→" in row["eval loss"] and row["status"] == "finished" for row in rows)


def test_the_same_method_twice_gets_two_folders_and_the_same_numbers(settings, tmp_path):
    race = compare([LoRA(r=2), LoRA(r=2)], out=tmp_path / "race", **settings)
    assert race.runs[0].losses == race.runs[1].losses
    assert [run.folder.name for run in race.runs] == ["lora-r2", "lora-r2-2"]


def test_runs_that_are_there_stand_beside_one_another_untuned(settings, tmp_path):
    runs = compare([Full(), LoRA(r=2)], out=tmp_path / "before", **settings).runs
    race = compare(runs, out=tmp_path / "race")
    assert race.runs == runs
    assert not (tmp_path / "race").exists()
    mixed = compare([runs[1], LoRA(r=1)], out=tmp_path / "mixed", **settings)
    assert [run.method for run in mixed.runs] == [LoRA(r=2), LoRA(r=1)]
    assert [item.name for item in (tmp_path / "mixed").iterdir()] == ["lora-r1"]


def test_runs_that_were_not_asked_for_the_same_are_no_race(settings, tmp_path):
    (run,) = compare([LoRA(r=2)], out=tmp_path / "before", **settings).runs
    (other,) = compare([Full()], out=tmp_path / "other", **settings | {"seed": 3, "learning_rate": 1e-4}).runs
    with pytest.raises(ConfigError, match="seed is 0 and 3") as caught:
        compare([run, other], out=tmp_path / "race")
    assert "learning_rate" not in one_line(caught.value)
    with pytest.raises(ConfigError, match="max_steps is"):
        compare([run, Full()], out=tmp_path / "race", **settings | {"max_steps": 7})
    with pytest.raises(ConfigError, match="batch_size is"):
        compare([run], batch_size=3)
    assert not (tmp_path / "race").exists()


def test_runs_on_a_file_that_was_edited_in_between_are_no_race(settings, tmp_path):
    rows = [json.dumps({"prompt": f"say {number}", "completion": f"word {number}"}) for number in range(40)]
    data = tmp_path / "mine.jsonl"
    data.write_text("\n".join(rows), encoding="utf-8")
    settings |= {"data": str(data)}
    (before,) = compare([LoRA(r=1)], out=tmp_path / "before", **settings).runs
    data.write_text("\n".join([*rows, rows[0]]), encoding="utf-8")
    (after,) = compare([LoRA(r=2)], out=tmp_path / "after", **settings).runs
    with pytest.raises(ConfigError, match="the training data changed"):
        compare([before, after])


def test_a_diverged_run_does_not_end_the_comparison_but_a_stopped_one_does(settings, tmp_path):
    import signal

    settings |= {"learning_rate": 1e30}
    race = compare([Full(), LoRA(r=2)], out=tmp_path / "race", **settings)
    assert race.runs[0].status == "diverged"
    assert len(race.runs) == 2
    assert race.rows()[0]["eval loss"].endswith("→ -")

    def interrupt(_, event):
        if isinstance(event, Stepped) and event.step == 1:
            signal.raise_signal(signal.SIGINT)

    settings |= {"learning_rate": 1e-3}
    race = compare([LoRA(r=2), Full()], out=tmp_path / "stopped", on_event=interrupt, **settings)
    assert [run.status for run in race.runs] == ["stopped"]
    assert repr(race)


@pytest.mark.parametrize(("methods", "says"), [([], "no method to compare"), (["lora"], "'lora' is no method")])
def test_what_can_not_be_compared_is_told_before_anything_runs(tmp_path, methods, says):
    with pytest.raises(ConfigError, match=says) as caught:
        compare(methods, out=tmp_path / "race")
    one_line(caught.value)
    assert not (tmp_path / "race").exists()


def test_cells_are_escaped_and_an_empty_table_is_one():
    assert "&lt;b&gt;" in as_html([{"a": "<b>"}])
    assert as_text([]) == "(no rows)"
    assert as_text([{"name": "x", "n": "1"}, {"name": "long", "n": "100"}]).splitlines()[2] == "x       1"
