"""`python -m runtime.cli` is `gradc`."""

from runtime.cli.main import main

main()
