"""Folders of files that are an example each, by class: pictures, sounds and texts."""
