"""What the index view is made of: what is known of each decision time, and its panels."""
