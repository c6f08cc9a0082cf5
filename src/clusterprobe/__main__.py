"""`python -m clusterprobe`, as the image runs it."""

from clusterprobe.cli import main

if __name__ == "__main__":
    main()
