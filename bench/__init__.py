"""What a login costs, beside the same login written by hand. ``python -m bench --help`` shows the parts."""
