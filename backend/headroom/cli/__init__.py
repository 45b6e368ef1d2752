"""The command line: app assembles it, commands/ holds its commands, the other modules what commands share."""
