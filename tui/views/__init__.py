"""The numbered views; they live in a switcher, are made on first use and keep their state."""
