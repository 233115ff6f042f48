"""A function's environment: typed, in range, and everything that is wrong in one error."""

from dataclasses import MISSING, fields
from typing import Any

import pytest
from mailroom import settings
from mailroom.errors import ConfigurationError
from mailroom.settings import Pairs, ResolveMailboxesSettings, ValidateEventSettings, WriteMailboxSettings

COMPLETE = {"MAIL_BUCKET": "bucket", "LEASE_SECONDS": "370", "RECORD_RETENTION_DAYS": "400", "UNRELATED": "x"}


def test_values_are_typed_and_defaults_hold() -> None:
    loaded = settings.load(ValidateEventSettings, COMPLETE)
    assert loaded == ValidateEventSettings(mail_bucket="bucket", lease_seconds=370, record_retention_days=400)
    assert (loaded.mail_key_prefix, loaded.quarantine_prefix, loaded.copies_at_once) == ("", "quarantine/", 10)


def test_given_values_go_before_defaults() -> None:
    loaded = settings.load(ValidateEventSettings, {**COMPLETE, "MAIL_KEY_PREFIX": "in/", "COPIES_AT_ONCE": "3"})
    assert (loaded.mail_key_prefix, loaded.copies_at_once) == ("in/", 3)


def test_everything_wrong_is_in_one_error_with_what_it_is_and_may_be() -> None:
    wrong = {"MAIL_BUCKET": "", "LEASE_SECONDS": "soon", "COPIES_AT_ONCE": "41"}
    with pytest.raises(ConfigurationError) as caught:
        settings.load(ValidateEventSettings, wrong)
    assert str(caught.value) == (
        "MAIL_BUCKET is missing; it must be a text. "
        "LEASE_SECONDS is 'soon'; it must be a whole number of seconds from 316 to 399. "
        "RECORD_RETENTION_DAYS is missing; it must be a whole number of days from 15 to 3650. "
        "COPIES_AT_ONCE is '41'; it must be a whole number of copies from 1 to 40. "
        "Set the function's environment in template.yaml."
    )


@pytest.mark.parametrize("text", ["0", "17", "-5", "16.0", "1e1", "1_6", " 16", "+16", "١٦", "", "--16"])
def test_only_a_whole_number_in_its_range_is_one(text: str) -> None:
    environment = {"MAIL_BUCKET": "bucket", "MAIL_ROOT": "/mnt/mail", "PUBLISH_SECONDS": text}
    if text == "":
        assert settings.load(WriteMailboxSettings, environment).publish_seconds == 16
        return
    with pytest.raises(ConfigurationError, match=r"PUBLISH_SECONDS is .*; it must be a whole number of seconds from 1"):
        settings.load(WriteMailboxSettings, environment)


@pytest.mark.parametrize("cls", [ValidateEventSettings, ResolveMailboxesSettings, WriteMailboxSettings])
def test_both_ends_of_a_range_are_in_it_and_the_default_is(cls: Any) -> None:
    ranges = {one.name: one.metadata["read"] for one in fields(cls) if one.type is int}
    texts = {one.name.upper(): "text" for one in fields(cls) if one.type is str}
    least = settings.load(cls, texts | {name.upper(): str(one.least) for name, one in ranges.items()})
    most = settings.load(cls, texts | {name.upper(): str(one.most) for name, one in ranges.items()})
    for one in fields(cls):
        if one.type is int:
            read = ranges[one.name]
            assert (getattr(least, one.name), getattr(most, one.name)) == (read.least, read.most)
            assert one.default is MISSING or read(str(one.default)) == one.default
            for beyond in (read.least - 1, read.most + 1):
                with pytest.raises(ConfigurationError, match=one.name.upper()):
                    settings.load(cls, {one.name.upper(): str(beyond)})


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_BUCKET", "bucket")
    monkeypatch.setenv("MAIL_ROOT", "/mnt/mail")
    assert settings.load(WriteMailboxSettings) == WriteMailboxSettings("bucket", "/mnt/mail")


def test_pairs() -> None:
    assert Pairs()("spam_fail=junk, virus_fail = reject,,junk_folder=Junk=Mail") == {
        "spam_fail": "junk",
        "virus_fail": "reject",
        "junk_folder": "Junk=Mail",
    }
    assert settings.load(ResolveMailboxesSettings, {"DIRECTORY_TABLE": "t"}).verdict_policy == {}
    with pytest.raises(ConfigurationError) as caught:
        settings.load(ResolveMailboxesSettings, {"VERDICT_POLICY": "spam"})
    assert "DIRECTORY_TABLE is missing" in str(caught.value)
    assert "VERDICT_POLICY is 'spam'; it must be name=value, separated by commas" in str(caught.value)


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
