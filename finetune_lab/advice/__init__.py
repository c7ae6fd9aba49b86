"""How to choose: what a case asks for, what was measured, and a table of rules whose votes can be read one by one."""
