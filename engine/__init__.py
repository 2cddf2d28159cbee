"""The engine of Pregão: everything but the screen. It never imports `tui`."""

__version__ = "0.1.0"
