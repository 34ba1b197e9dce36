"""Senders. A sender has one method; write yours like one of these."""
