"""What a worker process needs before work with torch begins."""

import logging

import cv2
import torch


def prepare_worker() -> None:
    """One thread for torch and OpenCV, and a log that is seen: without a relay a spawned process has no handler."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        logging.getLogger("docsort").setLevel(logging.INFO)
