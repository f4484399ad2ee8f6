"""What always holds: faults, crashes, disks, secrets and hostile input, through the real command."""
