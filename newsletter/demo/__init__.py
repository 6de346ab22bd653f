"""The weekly job on sample material written for it: invented tools, their feeds, twenty-five readers, and an inbox."""
