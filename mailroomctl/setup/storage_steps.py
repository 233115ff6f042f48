"""How to make what the mailboxes need and is not there."""

from collections.abc import Sequence

from mailroomctl.setup.steps import Step

#: Of mail on a new access point; Dovecot's ``mail_uid`` and ``mail_gid`` have to be the same.
UID = GID = 5000


def new_file_system(stack_name: str, region: str) -> Step:
    """A file system in a network that is there, such as that of the Dovecot server."""
    access = f"OwnerUid={UID},OwnerGid={GID},Permissions=0750"
    return Step(
        "Make a file system for the mailboxes",
        "In the default VPC; set VPC to another one if you like, such as that of the Dovecot server. Put the Dovecot "
        f"server into the security group $GROUP, and let mail belong to user and group {UID} there.",
        (
            "VPC=$(aws ec2 describe-vpcs --filters Name=is-default,Values=true --query 'Vpcs[0].VpcId' --output text)",
            "SUBNETS=$(aws ec2 describe-subnets --filters Name=vpc-id,Values=$VPC --query 'Subnets[].SubnetId'"
            " --output text)",
            f"GROUP=$(aws ec2 create-security-group --vpc-id $VPC --group-name {stack_name}-storage"
            " --description 'Mailroom and Dovecot to EFS' --query GroupId --output text)",
            _let_in("$GROUP"),
            f"FS=$(aws efs create-file-system --encrypted --throughput-mode elastic --backup"
            f" --tags Key=Name,Value={stack_name} --query FileSystemId --output text)",
            "until aws efs describe-file-systems --file-system-id $FS --query 'FileSystems[0].LifeCycleState'"
            " --output text | grep -qx available; do sleep 5; done",
            "for SUBNET in $(echo $SUBNETS); do"
            " aws efs create-mount-target --file-system-id $FS --subnet-id $SUBNET --security-groups $GROUP; done",
            f"aws efs create-access-point --file-system-id $FS --posix-user Uid={UID},Gid={GID}"
            f" --root-directory 'Path=/mail,CreationInfo={{{access}}}'",
            "aws ec2 create-vpc-endpoint --vpc-id $VPC"
            f" --service-name com.amazonaws.{region}.s3 --route-table-ids $(aws ec2 describe-route-tables"
            " --filters Name=vpc-id,Values=$VPC --query 'RouteTables[].RouteTableId' --output text)",
        ),
    )


def join_dovecot(stack_name: str) -> Step:
    """What the Dovecot server needs of a network and a file system that the stack has made."""
    return Step(
        "Let the Dovecot server reach the mailboxes",
        "In the network VpcId, or one that is connected to it, give the server the security group DovecotGroupId and "
        f"run MountCommand there. Mail belongs to user and group {UID} (MailUid, MailGid). docs/network.md has it step "
        "by step.",
        (
            f"aws cloudformation describe-stacks --stack-name {stack_name} --output table"
            " --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]'",
        ),
    )


def new_access_point(file_system: str) -> Step:
    """An access point with the user that owns the mail."""
    return Step(
        "Make an access point",
        f"Through it the functions write as user and group {UID}: take those of Dovecot's mail instead, and the "
        "folder that Dovecot mounts.",
        (
            f"aws efs create-access-point --file-system-id {file_system} --posix-user Uid={UID},Gid={GID}"
            f" --root-directory 'Path=/mail,CreationInfo={{OwnerUid={UID},OwnerGid={GID},Permissions=0750}}'",
        ),
    )


def new_mount_targets(file_system: str) -> Step:
    """Mount targets, of which only a person knows the subnets."""
    return Step(
        "Make mount targets",
        "One in each of two or three subnets of one VPC, in different zones, with a security group that lets NFS "
        "(TCP 2049) in from itself.",
        (f"aws efs create-mount-target --file-system-id {file_system} --subnet-id SUBNET --security-groups GROUP",),
    )


def open_for_function(stack_name: str, vpc: str, groups: Sequence[str]) -> Step:
    """A security group for WriteMailbox, which the file system lets in."""
    return Step(
        "Let the functions reach the file system",
        "No security group may reach its mount targets yet.",
        (
            f"GROUP=$(aws ec2 create-security-group --vpc-id {vpc} --group-name {stack_name}-function"
            " --description 'Mailroom to EFS' --query GroupId --output text)",
            *map(_let_in, groups),
        ),
    )


def way_to_s3(vpc: str, region: str, endpoints: Sequence[str], tables: Sequence[str]) -> Step:
    """A gateway endpoint, or routes to the one that is there."""
    route = (
        f"aws ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoints[0]} --add-route-table-ids {' '.join(tables)}"
        if endpoints
        else f"aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name com.amazonaws.{region}.s3"
        f" --route-table-ids {' '.join(tables)}"
    )
    return Step(
        "Open a way to S3",
        "The functions in these subnets read mail from S3, and reach it by the gateway endpoint alone. It costs "
        "nothing.",
        (route,),
    )


def _let_in(group: str) -> str:
    return (
        f"aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 2049 --source-group $GROUP"
    )
