"""The HTTP API: who asks, what they ask, and what is answered."""
