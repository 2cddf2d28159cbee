"""What B3 is: sessions, instruments, costs and how its bars are aggregated."""
