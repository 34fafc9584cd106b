"""Where values lie: views of buffers, lifetimes, and updates in place."""
