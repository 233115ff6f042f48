"""What fails for a while, and what fails for good. The fault is real: the mail root is taken away."""

import contextlib
import functools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailroomctl.local.send import send
from tests.e2e.world import World, until

MAIL = b"Subject: not now\r\n\r\n"


def test_a_temporary_error_twice_then_one_copy(world: World) -> None:
    address = world.mailbox()
    before = world.errors_logged("WriteMailbox", "StorageUnavailable")
    with world.without_mail_root():
        sent = send(world.settings, "", [address], MAIL)
        assert sent.message_id
        until(lambda: world.errors_logged("WriteMailbox", "StorageUnavailable") == before + 2)
    until(lambda: world.copies(address))
    world.idle()
    [copy] = world.copies(address)
    [record] = world.records(sent.message_id)
    assert (record["status"], record["file_name"]) == ("DELIVERED", copy.name)
    assert record["attempts"] == "1"  # the workflow's own retries, not the queue's


def test_an_error_that_stays_ends_in_the_dead_letter_queue_and_a_replay_delivers(world: World) -> None:
    address = world.mailbox()
    with world.without_mail_root():
        sent = send(world.settings, "", [address], MAIL)
        assert sent.message_id
        until(lambda: world.depth("DeadLetter")[0] == 1)
        [record] = world.records(sent.message_id)
        assert (record["status"], record["error"], record["attempts"]) == ("FAILED", "StorageUnavailable", "3")
    world.idle()
    [body] = world.take("DeadLetter")
    assert world.copies(address) == []
    assert world.execute([{"messageId": "again", "body": body}])["status"] == "SUCCEEDED"
    assert len(world.copies(address)) == 1


def test_the_execution_fails_with_the_name_of_the_error(world: World) -> None:
    """The class name of a function's exception reaches the workflow, which ministack alone does not do."""
    told = world.stored("typed-error", MAIL)
    told["receipt"]["recipients"] = [world.mailbox()]
    with world.without_mail_root():
        answer = world.execute(told)
    assert (answer["status"], answer["error"]) == ("FAILED", "DeliveryIncomplete")
    [record] = world.records("typed-error")
    assert record["error"] == "StorageUnavailable"


def test_a_failure_of_the_storage_is_a_metric(world: World) -> None:
    told = world.stored("counted", MAIL)
    told["receipt"]["recipients"] = [world.mailbox(), world.mailbox()]
    before = counted(world, "StorageFailures", Storage=f"{world.settings.stack_name}/efs")
    executions = counted(world, "DeliveryFailures", Stack=world.settings.stack_name)
    with world.without_mail_root():
        world.execute(told)
    assert counted(world, "DeliveryFailures", Stack=world.settings.stack_name) == executions + 1
    assert counted(world, "StorageFailures", Storage=f"{world.settings.stack_name}/efs") == before + 2


def test_mail_whose_raw_mail_is_gone_is_held_and_noticed_once(world: World) -> None:
    address = world.mailbox()
    before = counted(world, "EntriesHeld")
    for name in ("gone-1", "gone-2"):
        told = world.stored(name, MAIL)
        told["receipt"]["recipients"] = [address]
        world.client("s3").delete_object(Bucket=world.outputs["MailBucketName"], Key=f"mail/{name}")
        assert world.execute(told)["status"] == "SUCCEEDED"
        [record] = world.records(name)
        assert (record["status"], record["error"], record["entry"]) == ("HELD", "MessageMissing", address)
    assert counted(world, "EntriesHeld") == before + 1
    assert world.depth("Parked") == (0, 0)


def counted(world: World, metric: str, **dimensions: str) -> float:
    """How often the workflow has put a metric."""
    now = datetime.now(UTC)
    answer = world.client("cloudwatch").get_metric_statistics(
        Namespace="Mailroom",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["SampleCount"],
    )
    return float(sum(point["SampleCount"] for point in answer["Datapoints"]))


def test_a_function_reports_the_class_name_of_its_exception(world: World) -> None:
    """As Lambda does; ``mailroomctl.local.emulator.error_names`` can go when this passes without it."""
    name = world.physical_id("ValidateEvent")
    answer = world.client("lambda").invoke(FunctionName=name, Payload=json.dumps([{"body": "no JSON"}]))
    error = json.loads(answer["Payload"].read())
    assert answer["FunctionError"]
    assert (error["errorType"], "not JSON" in error["errorMessage"]) == ("InvalidEvent", True)


def test_a_function_outlives_its_exception(world: World) -> None:
    """As on Lambda; ``mailroomctl.local.emulator.kept_workers`` can go when this passes without it."""
    name = world.physical_id("ValidateEvent")
    invoke = functools.partial(world.client("lambda").invoke, FunctionName=name)
    invoke(Payload='{"notificationType": "Bounce"}')  # started, if it was not
    before = workers(world, "ValidateEvent")
    assert invoke(Payload=json.dumps([{"body": "no JSON"}]))["FunctionError"]
    assert "FunctionError" not in invoke(Payload='{"notificationType": "Bounce"}')
    assert workers(world, "ValidateEvent") == before != set()


def workers(world: World, function: str) -> set[str]:
    """The processes of a function: their command line names its folder in the emulator's temporary folder."""
    scratch = f"{world.settings.run_folder}/tmp/ministack-lambda-{world.settings.stack_name}-{function}-"
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if scratch.encode() in path.read_bytes():
                found.add(path.parent.name)
    return found
