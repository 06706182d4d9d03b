"""A data set that adds noise while it is read, for the worker processes of a DataLoader."""

import torch
from torch.utils.data import Dataset


class Noisy(Dataset):
    """The same flat image again and again, each time with noise; ``augment`` is given a tensor (C, H, W)."""

    def __init__(self, augment, count=8, shape=(4, 8, 8)):
        self.augment, self.count, self.shape = augment, count, shape

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index >= self.count:
            raise IndexError(index)
        return self.augment(torch.full(self.shape, 0.3))
