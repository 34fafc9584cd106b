"""Tables as people have them: what separates columns, which column a field means, what a cell
says, and what numbers stand for categories, gaps and measures of any size.
"""
