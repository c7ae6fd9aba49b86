"""Grades short free text by what it says: words become concepts, clauses become claims, a rubric looks for claims.

Read in this order: `words` (which words mean the same), `tokens`, `clauses`, `chunks` (which words are one thing),
`polarity` (what is denied or said of something else), `themes` and `claims` (what is said of what), `echoes` (what a
clause leaves unsaid), `patterns`, `order` and `stuffing` (what is no answer), `gates`, `judge`.
"""
