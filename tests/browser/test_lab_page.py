"""The browser tests' own tools: a cell runs, output is seen, a reload keeps the kernel, a restart does not."""

from collections.abc import Callable

from lab_page import LabPage


def test_a_notebook_opens_runs_reloads_and_restarts(open_lab: Callable[..., LabPage]) -> None:
    lab = open_lab(["import finetune_lab as lab\nx = 41", "print(x + 1)"], width=900, dark=True)
    lab.run_all()
    assert lab.output(1).inner_text().strip() == "42"
    lab.reload()
    number = lab.add_cell("print(x + 2)")
    lab.run_cell(number)
    assert "43" in lab.output(number).inner_text()
    assert lab.save()["cells"][1]["outputs"][0]["text"] == ["42\n"]
    lab.restart_kernel()
    lab.run_cell(1)
    assert "NameError" in lab.output(1).inner_text()
    assert [line for line in lab.console if "finetune" in line] == []
