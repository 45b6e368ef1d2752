"""The backend process: an HTTP API, and one worker process that runs the jobs and holds the GPU.

serve -> app -> runner -> worker -> tasks -> headroom.pipeline. They share requests and results (what a job takes and
returns), jobs (a job as a value), store (jobs on disk), blobs and trees (files) and job_cache (what later jobs reuse).
"""
