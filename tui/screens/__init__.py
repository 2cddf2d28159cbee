"""The modal screens: short questions and things to read."""
