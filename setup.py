"""What is installed: each folder of the repository under a name that no other project has."""

from setuptools import find_namespace_packages, setup

FOLDERS = {"gradc_compiler": "compiler", "gradc_runtime": "runtime"}
setup(
    package_dir=FOLDERS,
    packages=[
        name if not inner else f"{name}.{inner}"
        for name, folder in FOLDERS.items()
        for inner in ("", *find_namespace_packages(folder, exclude=["*__pycache__*"]))
    ],
)
