"""The main job: from a list of jobs to a summary."""
