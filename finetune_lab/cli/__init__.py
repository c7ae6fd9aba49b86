"""The command line: `finetune-lab doctor`, `tune`, `compare`."""
