"""`headroom batch`: the jobs of a job file on one machine or on many."""
