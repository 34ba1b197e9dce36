"""The rules, and the values that they are about. Only the standard library, no I/O, no clock."""
