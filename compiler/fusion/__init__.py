"""Which nodes form one kernel, in which stage each is run, and in which order."""
