"""Long work in a process of its own: submit, progress, cancel, result. The store is the truth, the pipe is only fast."""
