"""Scores by adapter as a chart: every number is on it and in its words, and it is drawn whatever is missing."""

from io import BytesIO

import pytest
from PIL import Image

import finetune_lab as lab
from finetune_lab.errors import ConfigError
from finetune_lab.serving.judging import Judged
from finetune_lab.serving.scores import Scores
from finetune_lab.views.adapter_charts import BEST, OTHER, percent, scores_by_adapter


def judged(score):
    return Judged(1.0, {} if score is None else {"fields": score}, ())


SCORES = Scores(
    {
        "base": {"billing": judged(0.0), "data/adapters/logistics/test.jsonl": judged(0.0)},
        "billing": {"billing": judged(0.934), "data/adapters/logistics/test.jsonl": judged(0.002)},
        "logistics": {"billing": judged(0.0), "data/adapters/logistics/test.jsonl": judged(0.914)},
        "0.5 billing + 0.5 logistics and a name too long": {"billing": judged(0.4)},
    }
)


def texts(figure):
    return [[text.get_text() for text in axes.texts] for axes in figure.axes]


def test_every_score_stands_on_the_chart_and_in_its_words():
    figure = scores_by_adapter(SCORES)
    assert texts(figure) == [["0 %", "93 %", "0 %", "40 %"], ["0 %", "< 1 %", "91 %", "not measured"]]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["billing", "logistics/test.jsonl"]
    assert "On billing: base 0 %, billing 93 %, logistics 0 %, 0.5 billing" in figure.description
    assert figure.description.endswith("logistics 91 %, 0.5 billing + 0.5 logistics and a name too long not measured.")
    assert Image.open(BytesIO(figure.png())).info["Description"] == figure.description


def test_the_best_of_each_data_set_is_dark_and_only_the_first_panel_names_the_models():
    panels = scores_by_adapter(SCORES).axes
    colours = [[bar.get_facecolor() for bar in axes.patches] for axes in panels]
    assert [len(set(panel)) for panel in colours] == [2, 2]
    assert [max(axes.patches, key=lambda bar: bar.get_width()).get_facecolor() for axes in panels] == [
        colours[0][1]
    ] * 2
    assert BEST != OTHER
    assert [len(axes.get_yticklabels()) for axes in panels] == [4, 0]
    assert max(len(line) for label in panels[0].get_yticklabels() for line in label.get_text().splitlines()) <= 20


def test_where_all_are_wrong_none_is_the_best():
    figure = scores_by_adapter(Scores({"base": {"x": judged(0.0)}, "a": {"x": judged(0.0)}}))
    assert texts(figure) == [["0 %", "0 %"]]
    assert len({bar.get_facecolor() for bar in figure.axes[0].patches}) == 1


@pytest.mark.parametrize("scores", [Scores({}), Scores({"base": {}}), Scores({"base": {"x": judged(None)}})])
def test_without_a_score_there_is_no_chart(scores):
    with pytest.raises(ConfigError, match="nothing was generated"):
        scores_by_adapter(scores)


def test_what_is_neither_nothing_nor_all_never_looks_like_it():
    assert [percent(value) for value in (0.0, 0.001, 0.996, 1.0)] == ["0 %", "< 1 %", "> 99 %", "100 %"]


def test_plot_draws_the_scores_of_a_library_by_themselves():
    assert lab.plot(SCORES).description == scores_by_adapter(SCORES).description
    with pytest.raises(ConfigError, match="no chart of Scores together"):
        lab.plot(SCORES, SCORES)
