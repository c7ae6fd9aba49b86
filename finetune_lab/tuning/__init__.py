"""The tuning loop and what stands around it: batches, evaluation, checkpoints, the run folder, comparisons."""
