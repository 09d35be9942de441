"""Writes colour_maps.bin: u8[5, 256, 3] RGB, the tables of `ColourMap` in the order of its variants.

    pip install numpy opencv-python-headless && python make_colour_maps.py

Taken from OpenCV, since `show_cam_on_image` colours with OpenCV's tables; for viridis, turbo and magma they equal
matplotlib's, rounded to the nearest byte. Origins: jet, MATLAB's formula as OpenCV tabulates it; viridis and magma, S.
van der Walt, N. Smith and E. Firing for matplotlib, CC0; turbo, A. Mikhailov, Google, Apache 2.0; grey is the identity.
"""

from pathlib import Path

import cv2
import numpy as np

ramp = np.arange(256, dtype=np.uint8)[:, None]
maps = [cv2.COLORMAP_JET, cv2.COLORMAP_VIRIDIS, cv2.COLORMAP_TURBO, cv2.COLORMAP_MAGMA]
tables = [cv2.applyColorMap(ramp, which)[:, 0, ::-1] for which in maps]  # OpenCV stores blue first
tables.append(np.repeat(ramp, 3, axis=1))
(Path(__file__).parent / "colour_maps.bin").write_bytes(np.stack(tables).tobytes())
