"""One learned person: the subject folder, what a person is learned from, and exports."""
