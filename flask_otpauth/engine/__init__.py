"""The use cases. They use the ports, and know nothing of Flask."""
