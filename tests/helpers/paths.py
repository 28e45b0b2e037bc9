"""Files of the repository that many tests read."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples"
EXAMPLE: Final = EXAMPLES / "WolfgangLanger_Pexels.mp4"
"""One woman for 472 frames, 640x360, in tears at first, laughing in the end; with sound."""
ASTRONAUT: Final = EXAMPLES / "astronaut.png"
"""A photo of one woman, 512x512."""
