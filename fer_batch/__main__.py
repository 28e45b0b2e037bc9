"""``python -m fer_batch``: the command line without its script."""

from fer_batch.cli.main import main

if __name__ == "__main__":
    main()
