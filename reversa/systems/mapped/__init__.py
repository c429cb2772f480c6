"""Any relational schema: its tables, wherever they lie, and the mapping file that says what they mean."""
