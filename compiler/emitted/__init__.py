"""Parts shared by all languages in which readable source is printed: tables, loops, names."""
