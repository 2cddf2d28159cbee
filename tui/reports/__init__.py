"""Results of the engine as Rich tables for the terminal, one module a command."""
