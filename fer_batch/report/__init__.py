"""The report: pages that show a study in a browser, from disk, with nothing loaded from anywhere else."""
