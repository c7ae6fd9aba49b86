"""One model is built at a time: for all threads, torch keeps one generator and transformers swaps `torch.nn.init`.

A notebook's cell may plan, or load a base, while a tune begins in the background. Without this, one thread's adapter
could start from what the other left.
"""

import threading

ONE_MODEL_AT_A_TIME = threading.RLock()  # re-entrant: building a tune's model loads its base
