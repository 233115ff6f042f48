"""The deliveries table: what became of each message for each mailbox."""

from typing import Any

from mailroomctl.stack import Stack

type Record = dict[str, Any]
"""One delivery as plain values."""


class DeliveriesTable:
    """Reads records; changes them only on the condition of their status."""

    def __init__(self, stack: Stack) -> None:
        """Find the table of ``stack``."""
        self._client = stack.dynamodb
        self.name = stack.output("DeliveriesTableName")

    def of_message(self, message_id: str) -> list[Record]:
        """Return all records of one message, by mailbox, as they are now."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="message_id = :message_id",
            ExpressionAttributeValues={":message_id": {"S": message_id}},
            ConsistentRead=True,
        )
        return [_plain(item) for page in pages for item in page["Items"]]

    def change_status(self, record: Record, status: str, **fields: str) -> bool:
        """Set the status and other texts of a record that still has the status that was read; say whether it had."""
        from botocore.exceptions import ClientError

        values = {"status": status, **fields}
        try:
            self._client.update_item(
                TableName=self.name,
                Key={"message_id": {"S": record["message_id"]}, "mailbox": {"S": record["mailbox"]}},
                ConditionExpression="#status = :seen",
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={
                    ":seen": {"S": record["status"]},
                    **{f":{name}": {"S": value} for name, value in values.items()},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _plain(item: Any) -> Record:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    record: Record = {name: deserialize(value) for name, value in item.items()}
    return {name: sorted(value) if isinstance(value, set) else value for name, value in record.items()}
