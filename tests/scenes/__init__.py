"""Videos made to measure face tracking: photographed faces move over backgrounds, and the truth is known."""
