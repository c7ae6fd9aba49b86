"""The bench in a real kernel without a frontend: what nbclient, nbmake and papermill run and keep."""

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
pytest_plugins = "tiny_base"


def executed(cells, folder):
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name="python3", timeout=200, resources={"metadata": {"path": str(folder)}})
    return client.execute()


def kept(notebook):
    return [
        output["data"] for cell in notebook.cells for output in cell.outputs if "image/png" in output.get("data", {})
    ]


def printed(notebook):
    return "".join(
        output["text"] for cell in notebook.cells for output in cell.outputs if output.get("name") == "stdout"
    )


def test_the_same_calls_run_to_the_end_print_and_leave_a_picture(settings, tmp_path):
    made = executed([f"import finetune_lab as lab\nlab.Bench(**{settings!r}).run()"], tmp_path)
    assert "Finished after step 4" in printed(made)
    assert "training loss from" in kept(made)[0]["text/plain"]
    assert len(list(tmp_path.glob("runs/*/loss.png"))) == 1


def test_with_a_panel_wait_leaves_the_picture_in_the_cell_of_the_panel(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("FINETUNE_LAB_UI", "widgets")
    cells = [f"import finetune_lab as lab\nbench = lab.Bench(**{settings!r})", "bench.run(); bench.wait().status"]
    made = executed(cells, tmp_path)
    assert made.cells[1].outputs[-1]["data"]["text/plain"] == "'finished'"
    assert "application/vnd.jupyter.widget-view+json" in made.cells[0].outputs[0]["data"]
    assert len(kept(made)) == 1
    assert "image/png" in made.cells[0].outputs[1]["data"]
    assert "state" in made.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
