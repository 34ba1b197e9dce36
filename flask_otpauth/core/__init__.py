"""What a one-time code is: values and rules. Standard library only, no I/O, no clock."""
