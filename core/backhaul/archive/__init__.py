"""Over an archive that is here, with no request made: what it has, what it lacks, and whether it is whole."""
