"""What holds for the whole stack, in plain words, over the template itself and over what SAM makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from sandbox.template import Template

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "template.yaml").read_text()
TEMPLATE = yaml_parse(TEXT)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, Any]:
    found = {name: resource.get("Properties", {}) for name, resource in RESOURCES.items() if resource["Type"] == kind}
    assert found, f"no {kind}: the test would prove nothing"
    return found


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    """The template as CloudFormation gets it, after SAM's transform."""

    class NoManagedPolicies:
        def load(self) -> dict[str, str]:
            return {}

    source = yaml_parse(TEXT)
    source["Resources"]["StorekeyLayer"]["Properties"]["ContentUri"] = "s3://bucket/layer.zip"
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        resources: dict[str, Any] = transform(source, {}, NoManagedPolicies())["Resources"]
    return resources


FUNCTIONS = {
    name: TEMPLATE["Globals"]["Function"] | properties
    for name, properties in of_type("AWS::Serverless::Function").items()
}
ALARMS = of_type("AWS::CloudWatch::Alarm")
ROLES = of_type("AWS::IAM::Role")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_bounded_observed_and_there(name: str) -> None:
    function = FUNCTIONS[name]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["Timeout"] <= 900
    assert function["MemorySize"] >= 128
    assert function["Tracing"] == "Active"
    assert function["Handler"] == "app.handler"
    handler = ROOT / function["CodeUri"] / "app.py"
    assert handler.is_file(), f"{name} names the folder {handler.parent}, which holds no app.py"
    assert function["Description"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_logs_to_a_group_of_its_own_that_forgets(name: str) -> None:
    assert "LoggingConfig" in FUNCTIONS[name], f"{name} has no LoggingConfig with a log group of its own"
    group = FUNCTIONS[name]["LoggingConfig"]["LogGroup"]["Ref"]
    assert of_type("AWS::Logs::LogGroup")[group]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert [function.get("LoggingConfig") for function in FUNCTIONS.values()].count({"LogGroup": {"Ref": group}}) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_failed_invocation_is_lost(name: str) -> None:
    invoke = FUNCTIONS[name]["EventInvokeConfig"]
    assert invoke["MaximumRetryAttempts"] <= 2
    assert invoke["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


def test_every_schedule_has_its_own_role_retries_and_a_dead_letter_queue_and_no_name(deployed: dict[str, Any]) -> None:
    schedules = [resource for resource in deployed.values() if resource["Type"] == "AWS::Scheduler::Schedule"]
    assert schedules
    for schedule in schedules:
        properties = schedule["Properties"]
        assert "Name" not in properties, "would clash with a second stack's"
        target = properties["Target"]
        assert target["RetryPolicy"]["MaximumRetryAttempts"] <= 2
        assert target["DeadLetterConfig"]["Arn"]
        role = ROLES[target["RoleArn"]["Fn::GetAtt"][0]]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_the_alarms_are_those_of_the_contract() -> None:
    names = {alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for alarm in ALARMS.values()}
    checks = {"credentials-refused", "check-missing", "store-unavailable", "credentials-old"}
    assert names == checks | {"rotation-failed", "dead-letters"}


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_rings_and_clears_on_the_topic(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert alarm["TreatMissingData"] in ("ignore", "breaching", "notBreaching")


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_describes_what_happened_which_secret_and_a_command_that_helps(name: str) -> None:
    description = ALARMS[name]["AlarmDescription"]["Fn::Sub"]
    assert "${CredentialsSecret}" in description
    assert "${StoreName}" in description
    assert re.search(r"aws [a-z]+ [a-z-]+ --region \$\{AWS::Region\}", description)
    assert len(description) < 700, "leaves too little of CloudWatch's 1,024 characters for long names"


def test_every_choice_on_missing_data_is_reasoned_on_its_line() -> None:
    lines = [line for line in TEXT.splitlines() if "TreatMissingData" in line]
    assert len(lines) == len(ALARMS)
    assert all(re.search(r" # .{20,}", line) for line in lines)


def test_cloudwatch_can_use_every_key_of_an_alarm_topic() -> None:
    for topic in of_type("AWS::SNS::Topic").values():
        statements = RESOURCES[topic["KmsMasterKeyId"]["Ref"]]["Properties"]["KeyPolicy"]["Statement"]
        grants = {
            statement["Principal"]["Service"]: statement
            for statement in statements
            if "Service" in statement["Principal"]
        }
        for service in ("cloudwatch.amazonaws.com", "events.amazonaws.com"):
            assert set(grants[service]["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
        assert "Condition" not in grants["events.amazonaws.com"], "EventBridge names no source: nothing would arrive"


def test_eventbridge_may_publish_to_the_topic_without_a_condition_that_it_cannot_meet() -> None:
    (policy,) = of_type("AWS::SNS::TopicPolicy").values()
    allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    conditions = {one["Principal"]["Service"]: one.get("Condition") for one in allowed}
    assert conditions["events.amazonaws.com"] is None
    assert conditions["cloudwatch.amazonaws.com"]


def test_topics_and_queues_are_spoken_to_over_tls_alone() -> None:
    policies = of_type("AWS::SNS::TopicPolicy") | of_type("AWS::SQS::QueuePolicy")
    for policy in policies.values():
        denied = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
        assert [one["Condition"] for one in denied] == [{"Bool": {"aws:SecureTransport": False}}]
    covered = json.dumps([policy.get("Topics", policy.get("Queues")) for policy in policies.values()])
    assert all(name in covered for name in [*of_type("AWS::SNS::Topic"), *of_type("AWS::SQS::Queue")])


def test_every_star_has_its_reason_on_the_line() -> None:
    stars = [line for line in TEXT.splitlines() if re.search(r'(Resource|Action): .*"?\*"?( |$)', line)]
    assert stars
    unreasoned = [line for line in stars if " # " not in line and "kms:*" not in line and "sqs:*" not in line]
    assert unreasoned == []


EVERY_FUNCTION = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "sqs:SendMessage",
}
GRANTS: dict[str, tuple[set[str], Any]] = {
    "CheckRole": (
        {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "lambda:InvokeFunction"},
        "AWSCURRENT",
    ),
    "PromoteRole": (
        {
            "secretsmanager:GetSecretValue",
            "secretsmanager:DescribeSecret",
            "secretsmanager:UpdateSecretVersionStage",
            "sns:Publish",
            "kms:Decrypt",
            "kms:GenerateDataKey*",
        },
        ["CANDIDATE", "AWSCURRENT"],
    ),
    "RotateRole": (
        {
            "secretsmanager:GetSecretValue",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
            "sns:Publish",
            "kms:Decrypt",
            "kms:GenerateDataKey*",
        },
        ["CANDIDATE", "AWSPENDING", "AWSCURRENT"],
    ),
}


@pytest.mark.parametrize("role", GRANTS)
def test_a_function_may_do_what_it_does_and_nothing_else(role: str) -> None:
    (policy,) = ROLES[role]["Policies"]
    granted = {
        action: statement
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    actions, stages = GRANTS[role]
    assert granted.keys() == EVERY_FUNCTION | actions
    read = granted["secretsmanager:GetSecretValue"]
    assert read["Condition"] == {"StringEquals": {"secretsmanager:VersionStage": stages}}
    assert {json.dumps(granted[action]["Resource"]) for action in actions if action.startswith("secrets")} == {
        '{"Ref": "CredentialsSecret"}'
    }
    assert "ManagedPolicyArns" not in ROLES[role]


def test_secrets_manager_alone_may_start_the_rotation_of_this_secret_alone() -> None:
    (permission,) = of_type("AWS::Lambda::Permission").values()
    assert permission["FunctionName"] == {"Ref": "RotateFunction"}
    assert permission["Principal"] == "secretsmanager.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"] == {"Ref": "CredentialsSecret"}
    schedule = RESOURCES["RotationSchedule"]
    assert schedule["DependsOn"] == "RotatePermission"
    assert schedule["Properties"]["RotationRules"] == {"AutomaticallyAfterDays": {"Ref": "RotationDays"}}


def test_every_role_of_a_function_is_looked_at() -> None:
    roles = {function["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values() if "Role" in function}
    assert roles == GRANTS.keys()


@pytest.mark.parametrize(("name", "label"), [("CheckFunction", "AWSCURRENT"), ("PromoteFunction", "CANDIDATE")])
def test_a_moved_label_starts_its_function_and_no_event_is_lost(
    deployed: dict[str, Any], name: str, label: str
) -> None:
    rules = [resource["Properties"] for resource in deployed.values() if resource["Type"] == "AWS::Events::Rule"]
    (rule,) = [rule for rule in rules if rule["EventPattern"]["detail"].get("labelUpdated") == [label]]
    assert rule["EventPattern"]["source"] == ["aws.secretsmanager"]
    assert rule["EventPattern"]["detail-type"] == ["Secret Label Updated"]
    assert rule["EventPattern"]["resources"] == [{"Ref": "CredentialsSecret"}]
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [name, "Arn"]}
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] <= 2


def test_every_role_is_bounded_when_a_boundary_is_given(deployed: dict[str, Any]) -> None:
    roles = [resource for resource in deployed.values() if resource["Type"] == "AWS::IAM::Role"]
    assert len(roles) >= len(ROLES)
    for role in roles:
        assert role["Properties"]["PermissionsBoundary"]["Fn::If"][0] == "HasPermissionsBoundary"


def test_the_secret_starts_empty_and_outlives_a_replacement() -> None:
    secret = RESOURCES["CredentialsSecret"]
    assert not {"SecretString", "GenerateSecretString", "Name"} & secret["Properties"].keys()
    assert secret["UpdateReplacePolicy"] == "Retain"


def test_parameters_and_outputs_are_those_of_the_contract() -> None:
    defaults = {name: parameter["Default"] for name, parameter in TEMPLATE["Parameters"].items()}
    assert defaults == {
        "StoreName": "store",
        "AlarmEmail": "",
        "AllowedHosts": "*.mybigcommerce.com,api.bigcommerce.com",
        "StoreCaBundle": "",
        "CheckSchedule": "rate(5 minutes)",
        "QuotaReserve": 20,
        "MaxCredentialsAgeDays": 90,
        "RotationDays": 90,
        "LogRetentionDays": 30,
        "PermissionsBoundary": "",
    }
    assert all(parameter["Description"] for parameter in TEMPLATE["Parameters"].values())
    functions = {"CheckFunctionName", "PromoteFunctionName", "RotateFunctionName"}
    assert TEMPLATE["Outputs"].keys() == {"CredentialsSecretArn", "AlarmTopicArn"} | functions


def test_the_alarms_on_the_check_follow_every_schedule_that_can_be_chosen() -> None:
    conditions = {condition["Fn::Equals"][1] for name, condition in TEMPLATE["Conditions"].items() if "Checks" in name}
    choices = set(TEMPLATE["Parameters"]["CheckSchedule"]["AllowedValues"])
    assert choices == conditions | {TEMPLATE["Parameters"]["CheckSchedule"]["Default"]}
    for choice in choices:
        value, unit = re.findall(r"\w+", choice)[1:]
        interval = int(value) * {"m": 60, "h": 3600}[unit[0]]
        template = Template.load(ROOT / "template.yaml", {"CheckSchedule": choice})
        missing, unavailable = (
            template.resolve(
                {key: ALARMS[name].get(key) for key in ("Period", "EvaluationPeriods", "WarmUpConfiguration")}
            )
            for name in ("CheckMissingAlarm", "StoreUnavailableAlarm")
        )
        assert missing["Period"] * missing["EvaluationPeriods"] == 3 * interval
        assert missing["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"] == 3 * interval / 60
        assert (unavailable["Period"], unavailable["EvaluationPeriods"]) == (interval, 3)


def test_every_suppressed_rule_says_why() -> None:
    for resource in RESOURCES.values():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skip["comment"]) > 20
    lines = [line for line in TEXT.splitlines() if "ignore_checks" in line]
    assert lines
    assert all(re.search(r" # .{20,}", line) for line in lines)


def test_the_layer_is_built_for_what_it_says() -> None:
    layer = RESOURCES["StorekeyLayer"]
    assert layer["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": "arm64"}
    assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
