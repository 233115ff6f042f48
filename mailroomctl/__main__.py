"""``python -m mailroomctl`` is ``mailroomctl``."""

from mailroomctl.main import app

app(prog_name="mailroomctl")
