"""Adapters on disk: each with its card, checked against a base by headers alone, kept in a library."""
