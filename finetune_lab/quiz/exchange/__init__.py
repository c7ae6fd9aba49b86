"""Banks from and to other tools: Moodle GIFT, text2qti's plain text (Canvas), jupyterquiz JSON."""
