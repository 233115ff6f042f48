"""A function's environment: typed, and everything that is wrong in one error."""

import re
from pathlib import Path

import pytest
from mailroom import settings
from mailroom.errors import ConfigurationError
from mailroom.settings import ResolveMailboxesSettings, ValidateEventSettings, WriteMailboxSettings

COMPLETE = {"MAIL_BUCKET": "bucket", "LEASE_SECONDS": "370", "RECORD_RETENTION_DAYS": "400", "UNRELATED": "x"}


def test_values_are_typed_and_defaults_hold() -> None:
    loaded = settings.load(ValidateEventSettings, COMPLETE)
    assert loaded == ValidateEventSettings(mail_bucket="bucket", lease_seconds=370, record_retention_days=400)
    assert (loaded.mail_key_prefix, loaded.quarantine_prefix, loaded.copies_at_once) == ("", "quarantine/", 10)


def test_given_values_go_before_defaults() -> None:
    loaded = settings.load(ValidateEventSettings, {**COMPLETE, "MAIL_KEY_PREFIX": "in/", "COPIES_AT_ONCE": "3"})
    assert (loaded.mail_key_prefix, loaded.copies_at_once) == ("in/", 3)


def test_everything_wrong_is_in_one_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings.load(ValidateEventSettings, {"MAIL_BUCKET": "", "LEASE_SECONDS": "soon"})
    text = str(caught.value)
    assert "MAIL_BUCKET is missing" in text
    assert "LEASE_SECONDS is not a whole number: 'soon'" in text
    assert "RECORD_RETENTION_DAYS is missing" in text


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_BUCKET", "bucket")
    monkeypatch.setenv("MAIL_ROOT", "/mnt/mail")
    assert settings.load(WriteMailboxSettings) == WriteMailboxSettings("bucket", "/mnt/mail")


def test_pairs() -> None:
    assert settings.pairs("POLICY", "spam_fail=junk, virus_fail = reject,,junk_folder=Junk=Mail") == {
        "spam_fail": "junk",
        "virus_fail": "reject",
        "junk_folder": "Junk=Mail",
    }
    assert settings.pairs("POLICY", "") == {}
    with pytest.raises(ConfigurationError, match="POLICY holds 'spam'"):
        settings.pairs("POLICY", "spam")


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        ("ValidateEvent", ValidateEventSettings),
        ("ResolveMailboxes", ResolveMailboxesSettings),
        ("WriteMailbox", WriteMailboxSettings),
    ],
)
def test_the_template_sets_what_a_function_must_have(function: str, wanted: type) -> None:
    template = (Path(__file__).parents[3] / "template.yaml").read_text()
    block = re.search(rf"^  {function}:\n    Type: AWS::Serverless::Function\n(?:    .*\n|\n)*", template, re.MULTILINE)
    assert block
    given = set(re.findall(r"^          ([A-Z_]+):", block[0], re.MULTILINE)) - {"POWERTOOLS_SERVICE_NAME"}
    known = {name.upper() for name in wanted.__dataclass_fields__}
    assert given <= known
    stand_in = dict.fromkeys(given, "1")
    settings.load(wanted, stand_in)


@pytest.mark.parametrize(
    ("mail", "quarantine", "record", "days"), [(90, 90, 400, 400), (90, 30, 15, 97), (30, 365, 300, 372)]
)
def test_a_record_outlives_its_raw_mail(mail: int, quarantine: int, record: int, days: int) -> None:
    environ = COMPLETE | {
        "MAIL_RETENTION_DAYS": str(mail),
        "QUARANTINE_RETENTION_DAYS": str(quarantine),
        "RECORD_RETENTION_DAYS": str(record),
    }
    assert settings.load(ValidateEventSettings, environ).record_days == days
