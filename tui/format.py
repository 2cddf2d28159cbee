"""The formats of `engine.figures` under the name that the app and the commands use."""

from engine.figures import DASH, day, instant, money, number, percent, price, rounded

__all__ = ["DASH", "day", "instant", "money", "number", "percent", "price", "rounded"]
