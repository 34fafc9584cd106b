"""How the data of every stage are declared: frozen dataclasses that are cheap to define."""
