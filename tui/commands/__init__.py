"""One module per family of commands; each declares its arguments cheaply and imports the engine only when it runs."""
