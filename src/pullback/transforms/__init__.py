"""Functions from graphs to graphs: derivatives and what carries them."""
