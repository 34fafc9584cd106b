"""Weights in files of any origin: read without trust, matched with what a spec has, written."""
