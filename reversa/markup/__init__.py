"""Bodies: text in the markup of its source, made readable for people. A body itself is never changed."""
