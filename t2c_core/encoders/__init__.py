"""Encoders: the one address of torch, timm and open_clip."""

import warnings

# torch 2.15 warns about its own kernels when two threads import it at once; nothing a user did or can do
warnings.filterwarnings("ignore", message="Warning only once for all operators", category=UserWarning)
