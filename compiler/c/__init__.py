"""C99 for people: what a spec became, printed once more as source that needs only a C compiler."""
