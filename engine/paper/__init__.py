"""The paper account: orders, fills, positions and risk rules on stored bars, by the engine of the backtest."""
