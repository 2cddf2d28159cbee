"""What is said of a day, by which rules, and how it is sent."""
