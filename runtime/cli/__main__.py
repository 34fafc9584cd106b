"""`python -m gradc_runtime.cli` is `gradc`."""

from gradc_runtime.cli.main import main

main()
