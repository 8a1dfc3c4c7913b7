"""File formats at the border: PNG text, and the workflow formats of others."""
