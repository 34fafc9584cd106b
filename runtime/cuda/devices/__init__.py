"""Where kernels run: on a GPU through NVIDIA's driver, or in a simulator on the host.

`device` says what a device does; `simulated_device` walks a step's graph on NumPy's memory, and
`driver_device` launches it with one call of the driver.  `chosen_device` has the one of this
process.
"""
