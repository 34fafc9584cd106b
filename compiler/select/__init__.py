"""What an instruction is run by: a library kernel or loops of its own; the table in the making."""
