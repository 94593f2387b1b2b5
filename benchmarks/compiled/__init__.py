"""Is compiled code the fastest way to run such functions on a CPU? See `__main__`."""
