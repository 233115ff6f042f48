"""Does Dovecot's configuration fit? What ``mailroomctl dovecot check`` finds in it."""

from collections.abc import Iterator

from mailroomctl.directory.overlaps import path_template
from mailroomctl.doctor.findings import Finding, failure, passed, warning
from mailroomctl.doctor.patient import Patient
from mailroomctl.dovecot.check import check_doveconf
from mailroomctl.dovecot.finding import ERROR, Layout
from mailroomctl.dovecot.junk import junk_folders
from mailroomctl.dovecot.layout import maildir_in_home


def configuration(patient: Patient, text: str) -> Iterator[Finding]:
    """Whether the configuration loses, hides or slows mail."""
    folders = junk_folders(patient.directory, patient.parameter("JunkFolder", "Junk"))
    found = check_doveconf(text, Layout(maildir_in_home(path_template(patient.stack)), folders))
    for one in found:
        means = "mail is lost or hidden" if one.severity == ERROR else "mail is slow, late, or shown to others"
        make = failure if one.severity == ERROR else warning
        yield make(f"{one.setting}: {one.text}", means, *(f"# {line}" for line in one.fix.splitlines()))
    if not found:
        yield passed("Dovecot's configuration fits")
