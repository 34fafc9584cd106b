"""What every language that source for people is printed in shares: tables, loops, names."""
