"""The backend process: an HTTP API, and worker processes that run the jobs and hold the GPUs.

serve -> api -> runner -> worker_thread -> worker -> tasks -> headroom.pipeline. They share requests and results (what a
job takes and returns), jobs (a job as a value), store (jobs on disk), blobs, trees and uploads (files) and job_cache
(what later jobs reuse). access says who may do what.
"""
