"""The queue: jobs and history for clients, claims for workers, and the loop between them."""
