"""What the training view is made of: its form, its record and its panels."""
