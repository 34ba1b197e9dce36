"""The token endpoint of RFC 6749."""
