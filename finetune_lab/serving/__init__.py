"""One base in memory, many adapters: switch, mix in one batch, roll back, merge, combine; each claim measured."""
