"""Where users are found."""
