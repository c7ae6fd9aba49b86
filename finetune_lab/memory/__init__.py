"""Where the memory goes: measured while a tune runs."""
