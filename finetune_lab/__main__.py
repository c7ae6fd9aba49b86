"""`python -m finetune_lab` is `finetune-lab`."""

from finetune_lab.cli.app import main

main()
