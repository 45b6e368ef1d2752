"""The backend process: an HTTP API in front, one worker process that holds the GPU behind.

serve -> app -> runner -> worker -> tasks -> headroom.pipeline; jobs, blobs, trees and store are what they share.
"""
