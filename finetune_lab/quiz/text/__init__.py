"""Grades short free text by what it says: words become concepts, clauses become claims, a rubric looks for claims.

Read in this order: `words` (which words mean the same), `tokens`, `clauses`, `chunks` (which words are one thing),
`polarity` (what is denied or said of something else), `claims` (what is said of what), `patterns`, `gates`, `judge`.
"""
