"""The file system and the network that the stack makes: who reaches whom, what stays, what is never replaced."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from mailroom import settings

from tests.unit.privileges.sdk_calls import ROOT, sdk_calls
from tools.deployed_template import WAYS, deployed, source

WAYS_WITH_ZONES = {"own-network": 2, "own-network-and-everything-on": 3}
NFS = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049}
#: Update requires replacement (CloudFormation's reference of AWS::EFS::FileSystem).
REPLACING = {"AvailabilityZoneName", "Encrypted", "KmsKeyId", "PerformanceMode"}


@pytest.fixture(params=WAYS_WITH_ZONES)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def template(way: str) -> dict[str, Any]:
    return deployed(way)


def of(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == kind}


def test_every_zone_has_a_private_subnet_with_a_mount_target(template: dict[str, Any], way: str) -> None:
    subnets = of(template, "AWS::EC2::Subnet")
    assert len(subnets) == WAYS_WITH_ZONES[way]
    zones = [json.dumps(one["AvailabilityZone"]) for one in subnets.values()]
    blocks = [json.dumps(one["CidrBlock"]) for one in subnets.values()]
    assert len(set(zones)) == len(set(blocks)) == len(subnets)
    assert not any(one.get("MapPublicIpOnLaunch") for one in subnets.values())
    targets = of(template, "AWS::EFS::MountTarget").values()
    routes = of(template, "AWS::EC2::SubnetRouteTableAssociation").values()
    expected = [{"Ref": name} for name in subnets]
    assert [one["SubnetId"] for one in targets] == expected
    assert [one["SubnetId"] for one in routes] == expected
    assert {one["RouteTableId"]["Ref"] for one in routes} == {"PrivateRoutes"}
    assert template["Resources"]["WriteMailbox"]["Properties"]["VpcConfig"] == {
        "SubnetIds": expected,
        "SecurityGroupIds": [{"Ref": "WriteMailboxGroup"}],
    }


def test_the_function_waits_for_every_mount_target(template: dict[str, Any]) -> None:
    tags = {one["Key"]: one["Value"] for one in template["Resources"]["WriteMailbox"]["Properties"]["Tags"]}
    assert tags["mount-targets"] == {"Fn::Join": [" ", [{"Ref": one} for one in of(template, "AWS::EFS::MountTarget")]]}


def test_nothing_leads_out_but_the_endpoints_of_what_the_function_calls(template: dict[str, Any]) -> None:
    ways_out = {"InternetGateway", "NatGateway", "Route", "EgressOnlyInternetGateway", "VPCPeeringConnection"}
    assert not [one for one in template["Resources"].values() if one["Type"].rpartition("::")[2] in ways_out]
    called = {service for service, _ in sdk_calls(ROOT / "functions/write_mailbox/app.py")}
    endpoints = of(template, "AWS::EC2::VPCEndpoint").values()
    assert {one["ServiceName"].rpartition(".")[2] for one in endpoints} == called == {"s3"}
    for one in endpoints:
        assert (one["VpcEndpointType"], one["RouteTableIds"]) == ("Gateway", [{"Ref": "PrivateRoutes"}])


def on_the_file_system() -> set[str]:
    """The functions whose code asks for the mail root, by the settings that they load."""
    found = set()
    for app in ROOT.glob("functions/*/app.py"):
        (name,) = re.findall(r"settings\.load\(settings\.(\w+)\)", app.read_text())
        if "mail_root" in getattr(settings, name).__annotations__:
            found.add(app.parent.name.title().replace("_", ""))
    return found


@pytest.mark.parametrize("name", WAYS)
def test_the_functions_on_the_file_system_and_no_others_are_in_the_network(name: str) -> None:
    """In every way to deploy, audit and breaker on or off: who mounts is in the network, with its own groups."""
    template, given = deployed(name), WAYS[name]
    functions = of(template, "AWS::Lambda::Function")
    assert {"ValidateEvent", "ResolveMailboxes", "WriteMailbox"} <= set(functions)
    there = {"FileSystemId", "Storage"} & given.keys()
    wanted = on_the_file_system() if there else set()
    assert {one for one, properties in functions.items() if "VpcConfig" in properties} == wanted
    assert {one for one, properties in functions.items() if "FileSystemConfigs" in properties} == wanted
    assert bool(wanted) == bool(there)
    for one in wanted:
        assert functions[one]["VpcConfig"] == expected_network(template, given)
        assert [config["LocalMountPath"] for config in functions[one]["FileSystemConfigs"]] == ["/mnt/mail"]
    assert {role for role in of(template, "AWS::IAM::Role") if makes_interfaces(template, role)} == {
        functions[one]["Role"]["Fn::GetAtt"][0] for one in wanted
    }


def expected_network(template: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    if given.get("Storage") == "new":
        subnets = [{"Ref": one} for one in of(template, "AWS::EC2::Subnet")]
        assert len(subnets) == int(given.get("Zones", "2"))
        return {"SubnetIds": subnets, "SecurityGroupIds": [{"Ref": "WriteMailboxGroup"}]}
    return {
        "SubnetIds": given["SubnetIds"].split(","),
        "SecurityGroupIds": given["SecurityGroupIds"].split(","),
    }


def makes_interfaces(template: dict[str, Any], role: str) -> bool:
    return "ec2:CreateNetworkInterface" in json.dumps(template["Resources"][role])


def test_the_endpoint_lets_the_function_read_the_bucket_and_nothing_else(template: dict[str, Any]) -> None:
    [statement] = of(template, "AWS::EC2::VPCEndpoint")["S3Endpoint"]["PolicyDocument"]["Statement"]
    role = template["Resources"]["WriteMailboxRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    on_s3 = {one["Action"] for one in role if str(one["Action"]).startswith("s3:")}
    assert set(statement["Action"]) == on_s3
    assert statement["Resource"] == [{"Fn::GetAtt": ["MailBucket", "Arn"]}, {"Fn::Sub": "${MailBucket.Arn}/*"}]


def test_nfs_is_open_between_the_function_dovecot_and_the_file_system_only(template: dict[str, Any]) -> None:
    groups = of(template, "AWS::EC2::SecurityGroup")
    assert set(groups) == {"WriteMailboxGroup", "DovecotGroup", "FileSystemGroup"}
    for one in of(template, "AWS::EFS::MountTarget").values():
        assert one["SecurityGroups"] == [{"Fn::GetAtt": ["FileSystemGroup", "GroupId"]}]
    assert not any("SecurityGroupIngress" in one for one in groups.values())
    inward = [
        {key: value for key, value in one.items() if key != "Description"}
        for one in of(template, "AWS::EC2::SecurityGroupIngress").values()
    ]
    file_system = {"Fn::GetAtt": ["FileSystemGroup", "GroupId"]}
    assert inward == [
        NFS | {"GroupId": file_system, "SourceSecurityGroupId": {"Fn::GetAtt": [one, "GroupId"]}}
        for one in ("WriteMailboxGroup", "DovecotGroup")
    ]
    outward = {
        name: [
            {key: value for key, value in rule.items() if key != "Description"} for rule in one["SecurityGroupEgress"]
        ]
        for name, one in groups.items()
    }
    to_file_system = NFS | {"DestinationSecurityGroupId": file_system}
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
    assert outward == {
        "WriteMailboxGroup": [to_file_system, https],
        "DovecotGroup": [to_file_system],
        "FileSystemGroup": [NFS | {"CidrIp": "127.0.0.1/32"}],
    }


def test_the_file_system_is_encrypted_elastic_and_backed_up(template: dict[str, Any]) -> None:
    one = of(template, "AWS::EFS::FileSystem")["FileSystem"]
    assert (one["Encrypted"], one["ThroughputMode"], one["BackupPolicy"]) == (True, "elastic", {"Status": "ENABLED"})
    assert one["LifecyclePolicies"] == [
        {"TransitionToIA": "AFTER_90_DAYS"},
        {"TransitionToPrimaryStorageClass": "AFTER_1_ACCESS"},
    ], "one transition in each (EFS API reference, LifecyclePolicy)"


def test_its_policy_demands_encryption_and_an_access_point(template: dict[str, Any]) -> None:
    policy = of(template, "AWS::EFS::FileSystem")["FileSystem"]["FileSystemPolicy"]
    allow, *deny = policy["Statement"]
    client = [f"elasticfilesystem:Client{what}" for what in ("Mount", "Write", "RootAccess")]
    assert (allow["Effect"], allow["Action"]) == ("Allow", client[:2]), "nobody is root"
    assert allow["Condition"] == {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}
    assert [(one["Effect"], one["Action"], one["Condition"]) for one in deny] == [
        ("Deny", client, {"Bool": {"aws:SecureTransport": "false"}}),
        ("Deny", client, {"Null": {"elasticfilesystem:AccessPointArn": "true"}}),
    ]


def test_mail_belongs_to_the_user_of_the_parameters(template: dict[str, Any]) -> None:
    one = of(template, "AWS::EFS::AccessPoint")["AccessPoint"]
    assert one["PosixUser"] == {"Uid": 5000, "Gid": 5000}
    assert one["RootDirectory"]["CreationInfo"] == {"OwnerUid": 5000, "OwnerGid": 5000, "Permissions": "0750"}
    mount = template["Resources"]["WriteMailbox"]["Properties"]["FileSystemConfigs"]
    assert mount == [{"Arn": {"Fn::GetAtt": ["AccessPoint", "Arn"]}, "LocalMountPath": "/mnt/mail"}]


def test_no_parameter_can_replace_the_file_system() -> None:
    properties = source()["Resources"]["FileSystem"]["Properties"]
    values = [properties[name] for name in REPLACING & properties.keys()]
    assert values
    assert not any(isinstance(value, dict) for value in values), "mail would go to a new one, and Dovecot read the old"


def test_what_dovecot_stands_on_stays_when_the_stack_goes() -> None:
    kept = [one for one in source()["Resources"].values() if one["Type"].startswith(("AWS::EFS::", "AWS::EC2::"))]
    assert len(kept) == 19
    for one in kept:
        last = "Retain" if one["Type"] == "AWS::EFS::FileSystem" else "RetainExceptOnCreate"
        assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == (last, "Retain")


def test_the_outputs_name_what_dovecot_s_host_joins_and_mounts(template: dict[str, Any]) -> None:
    outputs = {name: one["Value"] for name, one in template["Outputs"].items()}
    assert outputs["DovecotGroupId"] == {"Ref": "DovecotGroup"}
    assert outputs["MountCommand"] == {
        "Fn::Sub": "sudo mount -t efs -o tls,accesspoint=${AccessPoint} ${FileSystem}:/ /mnt/mail"
    }
    assert outputs["PrivateSubnetIds"] == {
        "Fn::Join": [",", [{"Ref": one} for one in of(template, "AWS::EC2::Subnet")]]
    }


def test_with_a_file_system_that_exists_the_stack_makes_none() -> None:
    template = deployed("existing-network")
    assert not [one for one in template["Resources"].values() if one["Type"].startswith(("AWS::EFS::", "AWS::EC2::"))]
    assert not template["Outputs"].keys() & {"MountCommand", "VpcId"}
