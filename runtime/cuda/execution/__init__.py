"""An entry on a device: `cuda_executable` runs a call, `cuda_plan` has what a batch size needs,
`device_state` what persists, `resident_data` the data sets that lie there.
"""
