"""What the package needs from outside, as protocols. Each method states what it guarantees."""
