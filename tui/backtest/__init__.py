"""What the backtest view is made of: its forms, its question and its panels."""
