"""The terminal side of Pregão: the command line and the app."""
