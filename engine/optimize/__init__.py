"""Parameter search: sweeps over grids of parameters."""
