"""The bench in a real kernel without a frontend: what nbclient, nbmake and papermill run and keep."""

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from tiny import short_tune

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
pytest_plugins = "tiny_base"


def executed(cells, folder):
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name="python3", timeout=200, resources={"metadata": {"path": str(folder)}})
    return client.execute()


def kept(*cells):
    return [output["data"] for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})]


def printed(*cells):
    return "".join(output["text"] for cell in cells for output in cell.outputs if output.get("name") == "stdout")


@pytest.fixture(scope="module")
def notebook(base, rows, tmp_path_factory):
    """One kernel for all of it, since it takes seconds to start: first as it is, then told that somebody looks."""
    folder = tmp_path_factory.mktemp("kernel")
    cells = [
        f"import os\nimport finetune_lab as lab\nasked = {short_tune(base, rows)!r}\nlab.Bench(**asked).run()",
        "os.environ['FINETUNE_LAB_UI'] = 'widgets'\nbench = lab.Bench(**asked, out='watched')",
        "bench.run(); bench.wait().status",
    ]
    return executed(cells, folder), folder


def test_the_same_calls_run_to_the_end_print_and_leave_a_picture(notebook):
    made, folder = notebook
    assert "Finished after step 4" in printed(made.cells[0])
    assert "training loss from" in kept(made.cells[0])[0]["text/plain"]
    assert len(list(folder.glob("runs/*/loss.png"))) == 1


def test_with_a_panel_wait_leaves_the_picture_in_the_cell_of_the_panel(notebook):
    made, _ = notebook
    assert made.cells[2].outputs[-1]["data"]["text/plain"] == "'finished'"
    assert "application/vnd.jupyter.widget-view+json" in made.cells[1].outputs[0]["data"]
    assert len(kept(*made.cells[1:])) == 1
    assert "image/png" in made.cells[1].outputs[1]["data"]
    assert "state" in made.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
