"""The commands, grouped by what they do. They import heavy packages when they run, so that --help is fast."""
