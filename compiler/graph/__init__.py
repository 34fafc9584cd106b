"""The intermediate representation: typed nodes, operators as such, and what holds of any graph."""
