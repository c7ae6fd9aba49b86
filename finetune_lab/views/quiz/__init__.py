"""Questions in a notebook: as widgets where there is a frontend, as plain text everywhere. `Quiz` is all of it."""

from finetune_lab.views.quiz.panel import Quiz as Quiz
