"""Notebooks run from the first cell to the last, and write what stands in them.

Pictures and tables below a cell are not compared: they have fonts and last digits in them.
"""

import contextlib
import io
import json
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
NOTEBOOKS = sorted((HOME / "notebooks").glob("*.ipynb"))


# A training of half a minute on an idle machine.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_writes_what_it_shows(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            written = io.StringIO()
            with contextlib.redirect_stdout(written):
                exec(compile("".join(cell["source"]), path.name, "exec"), names)
            shown = "".join(
                text
                for each in cell["outputs"]
                if each["output_type"] == "stream"
                for text in each["text"]
            )
            assert written.getvalue() == shown
