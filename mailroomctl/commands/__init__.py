"""One module for each ``mailroomctl NAME``: parse, one call, print."""
