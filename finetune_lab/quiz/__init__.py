"""Question banks and graders: choices, numbers, predictions and free text, offline. Nothing here imports torch.

`bank` is what a question is, `loading` reads one from TOML, `grading` grades an answer, `text` reads free text.
"""
