"""What we do: use cases over the ports. No Flask."""
