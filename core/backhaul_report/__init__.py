"""``backhaul report``: an HTML report of what an archive contains and lacks."""
