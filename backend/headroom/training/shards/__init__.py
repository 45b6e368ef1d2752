"""Corpora of hundreds of hours: clips prepared once, in shards that training reads."""
