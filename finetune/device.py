"""Where training computes: on the first GPU where there is one, else on the CPU.

A version holds nothing of where it was trained: it is exported from the CPU and opens anywhere.
"""

import os

import torch

from finetune import parallel


def choose() -> torch.device:
    """The device of a run. Several processes together compute on CPUs.

    A GPU is told to add in a fixed order, so that the same data and seed give the same model
    there too. Its model is not that of a CPU to the last digit.
    """
    if parallel.count() > 1 or not torch.cuda.is_available():
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for that
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return torch.device("cuda")
