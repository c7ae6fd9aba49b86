"""The forecast's card: what was chosen is shown as soon as it is known, the other methods follow."""

import pytest

from finetune_lab.bench.controls import settings_of
from finetune_lab.config import QLoRA, TuneConfig
from finetune_lab.views.bench import forecast_card

pytest_plugins = "tiny_base"


@pytest.fixture
def chosen(settings):
    return settings_of(QLoRA(r=2), TuneConfig(**settings))


def test_the_chosen_method_is_shown_before_the_others_are_known(chosen, tmp_path, monkeypatch):
    asked = []
    real = forecast_card.forecast
    monkeypatch.setattr(
        forecast_card, "forecast", lambda method, *rest: asked.append(method.name) or real(method, *rest)
    )
    pages = forecast_card.forecast_pages(chosen, tmp_path)
    first, limit = next(pages)
    assert asked == ["qlora"]
    assert "peak memory of a step" in first
    assert first.count("…</span>") == 2  # full and LoRA
    assert limit is not None
    whole, again = next(pages)
    assert asked == ["qlora", "full", "lora"]
    assert "…</span>" not in whole
    assert again == limit
    assert [name in whole for name in (">full<", ">lora<", ">qlora<")] == [True] * 3
    assert next(pages, None) is None


def test_what_can_not_be_forecast_is_said_once(chosen, tmp_path):
    pages = list(forecast_card.forecast_pages({**chosen, "model": "no/such-model"}, tmp_path))
    assert len(pages) == 1
    assert "no/such-model" in pages[0][0]
