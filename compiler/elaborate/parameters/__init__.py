"""What persists and what is drawn: parameters, states, first values, recurrences."""
