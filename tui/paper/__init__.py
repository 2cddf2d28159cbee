"""The parts of the view of the paper account."""
