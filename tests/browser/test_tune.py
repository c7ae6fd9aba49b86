"""A tune in a cell of a real JupyterLab: the bar moves while it runs, the result stays and is in the saved file."""

from collections.abc import Callable

from lab_page import LabPage


def test_the_bar_moves_and_the_result_stays(open_lab: Callable[..., LabPage]) -> None:
    call = "run = lab.tune(lab.LoRA(r=4), max_steps=12, batch_size=4, eval_examples=4, score_examples=2)"
    lab = open_lab(["import finetune_lab as lab", call], width=900)
    lab.run_cell(0)
    lab.run_cell(1, wait=False)
    bar = lab.output(1).get_by_role("progressbar", name="steps of lora r=4 done")
    bar.wait_for(timeout=60_000)
    seen = set()
    for _ in range(400):
        values = bar.evaluate_all("bars => bars.map(bar => bar.value)")  # which does not wait for one
        if not values:
            break
        seen.update(values)
        lab.page.wait_for_timeout(100)
    assert len(seen) >= 3, seen
    lab.wait_idle()
    text = lab.output(1).inner_text().strip()
    assert text.startswith("✓ lora r=4: finished after 12 steps")
    assert "evaluation loss" in text
    assert len(text.splitlines()) == 1
    saved = lab.save()["cells"][1]["outputs"]
    assert [output["output_type"] for output in saved] == ["display_data"]
    assert "✓ lora r=4" in "".join(saved[0]["data"]["text/plain"])
