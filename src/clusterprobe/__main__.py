"""`python -m clusterprobe`, as the image runs it."""

from clusterprobe.start import main

if __name__ == "__main__":
    main()
