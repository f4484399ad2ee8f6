"""``backhaul report``: an HTML page of what an archive holds and lacks."""
