"""What `--tensorboard` asks for: a display that also writes events."""

from __future__ import annotations

from importlib import import_module

from gradc_runtime.training.run_folder import RunFolder
from gradc_runtime.training.trainer import Trainer

EVENTS = "gradc_runtime.training.tensorboard_events"


def write_events(trainer: Trainer, folder: RunFolder) -> None:
    """Let what a run shows be written too, from where it stands.

    Raises `SessionError` where tensorboardX is not installed.
    """
    events = import_module(EVENTS).TensorBoardEvents
    shown = events(trainer.display, folder.path, trainer.position.epoch)
    trainer.display = trainer.keeper.display = shown
