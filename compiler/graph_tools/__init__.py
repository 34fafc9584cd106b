"""Any graph by itself: evaluated with NumPy, operator by operator, and printed and read back."""
