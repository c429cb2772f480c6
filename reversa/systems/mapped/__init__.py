"""Any relational schema, and the mapping file that says what it means."""
