"""Live sources: cameras and streams, analysed as they happen, for minutes or for weeks."""
