"""Names and what they stand for: values, files of definitions, scopes, errors of meaning."""
