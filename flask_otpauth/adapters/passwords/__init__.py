"""Password hashing, and the list of common passwords."""
