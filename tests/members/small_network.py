"""The smallest network that trains: what tests of members, nodes and specialists begin with."""

from typing import Any

SMALL_NETWORK: dict[str, Any] = {
    "kind": "network",
    "backbone": "lcnet_035",
    "pretrained": False,
    "image_size": 32,
    "epochs": 1,
    "patience": 1,
    "batch_size": 8,
    "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
}
