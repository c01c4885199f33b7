"""What the measuring programs share: starting programs, instruments, and the work to measure."""
