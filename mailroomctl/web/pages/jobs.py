"""What takes long: how far it is, and what it has come to."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailroomctl.web.commands import Result, explained
from mailroomctl.web.context import Context
from mailroomctl.web.jobs import Job
from mailroomctl.web.rendering import render


def part(request: Request) -> Response:
    """Show a task; while it runs, the page asks again."""
    context: Context = request.app.state.context
    job = context.jobs.get(request.path_params["job_id"])
    if job is None:
        return render(request, "part_error.html", 404, title="That was long ago", error="its result is not kept")
    return show(request, job)


def show(request: Request, job: Job) -> Response:
    """Show a task."""
    ended = job.ended  # before its result, which is there when it has ended
    result = job.result
    if isinstance(result, BaseException):
        result = Result(error=explained(result), ended_well=False)
    return render(request, "part_job.html", job=job, ended=ended, result=result)


ROUTES = [Route("/jobs/{job_id}", part)]
