"""Floor 6: link-prediction models trained across sites, whose triples stay where they are."""

import os

# Flower reads these once, when it is imported: nothing is told to anybody.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
