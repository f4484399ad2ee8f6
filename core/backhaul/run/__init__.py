"""The run: fetches the files of a list of jobs and returns a summary."""
