"""What we need from outside: protocols of few verbs, each stating its guarantee."""
