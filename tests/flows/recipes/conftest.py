"""RIVAL10 as its archive lies on disk, four images large."""

import json
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.recipes.readers import RIVAL10_ATTRIBUTES
from tests.planted.photos import picture

PLANE, CAT, FISH = "n02690373", "n02123394", "n01440764"


@pytest.fixture
def rival10(tmp_path: Path) -> Path:
    """Four images in the layout of the released archive, masks and mask dictionaries beside them."""
    top = tmp_path / "RIVAL10"
    (top / "meta").mkdir(parents=True)
    wnids = {PLANE: "airliner", CAT: "Persian cat", FISH: "Tinca tinca"}
    (top / "meta" / "wnid_to_class.json").write_text(json.dumps(wnids))
    (top / "meta" / "label_mappings.json").write_text(json.dumps({"airliner": ["plane", 2], "Persian cat": ["cat", 4]}))
    for number, (split, wnid) in enumerate([("train", PLANE), ("train", CAT), ("test", PLANE), ("test", CAT)]):
        place = top / split / "ordinary"
        place.mkdir(parents=True, exist_ok=True)
        stem = f"{wnid}_{number}"
        (place / f"{stem}.JPEG").write_bytes(picture(number))
        (place / f"{stem}_merged_mask.JPEG").write_bytes(picture(99))
        (place / f"{stem}_attr_dict.pkl").write_bytes(b"\x80\x04 never read")
        values = np.zeros((2, 18), np.int64)
        values[0, RIVAL10_ATTRIBUTES.index("wings" if wnid == PLANE else "hairy")] = 1
        np.save(place / f"{stem}_attr_labels.npy", values)
    return top
