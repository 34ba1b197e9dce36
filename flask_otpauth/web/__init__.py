"""HTTP for the flows: reads a request, calls a handler, and writes the answer in an envelope."""
