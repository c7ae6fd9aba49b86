"""Messages of the libraries below that a learner can do nothing about, named one by one. Everything else is heard.

`silence_known_messages` has to run before those libraries are imported, some speak while they are; it imports none.
"""

import logging
import os
import warnings

# logger -> how its message begins
KNOWN_RECORDS = {
    # At import on a CPU with AVX512-BF16: it looked for an optional kernel, which only serves evaluation in bfloat16.
    "bitsandbytes.backends.cpu.ops": "Failed to load CPU gemm_4bit_forward",
    # Once a layer and forward pass, a thousand lines a minute: LLM.int8 quantizes its inputs from float16, always.
    "bitsandbytes.autograd._functions": "MatMul8bitLt: inputs will be cast",
}
# PEFT, and the older versions of transformers that we allow, know gradient checkpointing by this name only.
KNOWN_WARNING = "`(is_gradient_checkpointing|gradient_checkpointing_enable)` is deprecated"


def silence_known_messages() -> None:
    """Drop the messages named above, in this process."""
    for logger in KNOWN_RECORDS:
        logging.getLogger(logger).addFilter(unknown)  # a filter that is there already is not added again
    warnings.filterwarnings("ignore", message=KNOWN_WARNING, category=FutureWarning)


def unknown(record: logging.LogRecord) -> bool:
    """Whether a log record is to be heard."""
    return not str(record.msg).startswith(KNOWN_RECORDS.get(record.name, "\0"))


def silence_transformers() -> None:
    """Turn off transformers' advice and its bars for loading and saving, which last a second and fill the screen.

    Downloads keep their bar. Whoever sets TRANSFORMERS_VERBOSITY has asked for the messages and gets them.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import enable_progress_bars
    from transformers.utils import logging as transformers_logging

    if "TRANSFORMERS_VERBOSITY" not in os.environ:
        transformers_logging.set_verbosity_error()
    if constants.HF_HUB_DISABLE_PROGRESS_BARS is None:
        transformers_logging.disable_progress_bar()
        enable_progress_bars()  # the line above has turned the hub's off as well
