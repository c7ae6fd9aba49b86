"""The report on a class: one HTML file without scripts, in which every text of a student is text."""
