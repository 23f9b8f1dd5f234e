// The configuration as it is read, checked and documented: tests come here.
