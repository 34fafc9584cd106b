"""What a GPU would do, worked out without one: its data sheet, occupancy, and the time of a step.

Everything here is predicted, and is shown as predicted.
"""
