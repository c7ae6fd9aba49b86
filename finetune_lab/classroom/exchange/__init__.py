"""A gradebook for other systems: nbgrader's columns, Canvas, Moodle, Gradescope, xAPI. Each reads the details only."""
