"""Questions about speed and memory, each answered beside rivals in the same run."""
