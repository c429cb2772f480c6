"""A first mapping, written from names, types, keys and values; each line says how sure it is and why."""
