"""The bench as it is seen: controls, forecast, live charts, the table of runs. What it does is `finetune_lab.bench`."""
