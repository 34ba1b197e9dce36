"""How providers sign and write their reports about messages: one file for each scheme."""
