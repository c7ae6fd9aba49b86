"""The look at a model in the middle of its tune, before the first step and after the last: one `Evaluated`."""

import threading

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from finetune_lab.events import Evaluated
from finetune_lab.scoring import score
from finetune_lab.tuning.evaluation import evaluation_loss, generate, longest_completion
from finetune_lab.tuning.material import Material


def evaluate(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    material: Material,
    step: int,
    stop: threading.Event,
    *,
    whole: bool = True,
) -> Evaluated:
    """Loss, forgetting and score; if not `whole`, only the loss and one answer, and no score of one answer.

    Raises:
        StoppedError: `stop` was set.
    """
    pad, forgotten = int(tokenizer.pad_token_id), material.forgetting if whole else {}
    loss = evaluation_loss(model, material.evaluation, pad, stop)
    forgetting = {name: evaluation_loss(model, examples, pad, stop) for name, examples in forgotten.items()}
    scored = material.scored if whole else material.scored[:1]
    if not scored:
        return Evaluated(step, loss, {}, forgetting=forgetting)
    prompts = [example.prompt for example in scored]
    longest = longest_completion(tokenizer, material.scored)
    answers = generate(model, tokenizer, prompts, longest, material.config.max_length, stop)
    scores = score(answers, [example.completion for example in scored]) if whole else {}
    return Evaluated(step, loss, scores, prompts[0], answers[0], forgetting)
