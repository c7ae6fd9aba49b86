"""The bench without its widgets: a tune in the background, its state at any moment, forecasts, guesses, the table."""
