"""Where exports are kept and looked at: bucket, state, Glue's tables, Athena's workgroup."""

from __future__ import annotations

import pytest

from .source import RESOURCES, resolved

BUCKET = resolved("ExportBucket")
TABLES = {"OrdersTable": "orders", "CustomersTable": "customers", "ProductsTable": "products"}
NAMED_BY_THE_LAYOUT = {"_run", "_exported_at", "_api"}


def test_nobody_outside_sees_the_bucket() -> None:
    assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(BUCKET["PublicAccessBlockConfiguration"]) == 4
    assert BUCKET["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "BucketName" not in BUCKET, "would clash with a second stack's"


def test_the_bucket_is_spoken_to_over_tls_alone_for_itself_and_its_objects() -> None:
    policy = resolved("ExportBucketPolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == "ExportBucket"
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == ["ExportBucket.Arn", "ExportBucket.Arn/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_what_is_overwritten_can_be_had_back_for_a_month_and_the_data_outlive_the_stack() -> None:
    assert BUCKET["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    bucket = RESOURCES["ExportBucket"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"


def test_no_export_ever_expires_and_what_is_left_over_does() -> None:
    rules = {rule["Id"]: rule for rule in BUCKET["LifecycleConfiguration"]["Rules"]}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    expiring = {rule.get("Prefix"): rule["ExpirationInDays"] for rule in rules.values() if "ExpirationInDays" in rule}
    assert expiring == {"athena-results/": 7, "backfills/": 90}
    assert rules["overwritten-and-deleted"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_the_state_is_paid_by_use_and_can_be_restored_and_the_ranges_of_backfills_expire() -> None:
    table = resolved("ExportStateTable")
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert table["KeySchema"] == [{"AttributeName": "resource", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "resource", "AttributeType": "S"}]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "TableName" not in table, "would clash with a second stack's"


@pytest.mark.parametrize("stack", ["storekey", "wholesale-store-2"])
def test_the_database_has_a_name_that_athena_takes_without_quotes(stack: str) -> None:
    template_name = RESOURCES["ExportDatabase"]["Properties"]["DatabaseInput"]["Name"]
    separator, parts = template_name["Fn::Join"]
    by, name = parts["Fn::Split"]
    assert name == {"Ref": "AWS::StackName"}
    assert separator.join(stack.split(by)).replace("_", "").isalnum()


@pytest.mark.parametrize("logical_id", TABLES)
def test_a_table_lies_over_one_store_and_resource_and_knows_each_day_without_a_crawler(logical_id: str) -> None:
    table = resolved(logical_id, StoreName="retail")["TableInput"]
    storage, resource = table["StorageDescriptor"], TABLES[logical_id]
    assert (table["Name"], table["TableType"]) == (resource, "EXTERNAL_TABLE")
    assert storage["Location"] == f"s3://ExportBucket/exports/store=retail/resource={resource}/"
    assert storage["SerdeInfo"] == {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}
    assert table["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
    projection = {key: value for key, value in table["Parameters"].items() if key.startswith("projection")}
    assert projection == {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2026-01-01,NOW+1DAYS",
    }, "days lie under dt=..., Athena's own pattern, so no template of locations is needed"


@pytest.mark.parametrize("logical_id", [*TABLES, "ManifestsTable"])
def test_no_value_that_a_store_invents_breaks_a_table(logical_id: str) -> None:
    columns = resolved(logical_id)["TableInput"]["StorageDescriptor"]["Columns"]
    assert {column["Type"] for column in columns} == {"string"}
    names = [column["Name"] for column in columns]
    assert len(names) == len(set(names))
    assert logical_id == "ManifestsTable" or set(names) >= NAMED_BY_THE_LAYOUT
    assert ("_lines" in names) == (logical_id == "OrdersTable")


def test_the_manifests_of_all_resources_are_one_table() -> None:
    table = resolved("ManifestsTable", StoreName="retail")["TableInput"]
    assert table["StorageDescriptor"]["Location"] == "s3://ExportBucket/exports/_manifests/store=retail/"
    assert table["PartitionKeys"] == [{"Name": "resource", "Type": "string"}]
    assert table["Parameters"]["projection.resource.type"] == "enum"
    assert table["Parameters"]["projection.resource.values"] == "orders,customers,products"
    fields = {column["Name"] for column in table["StorageDescriptor"]["Columns"]}
    assert fields == {
        *("store", "run", "mode", "api", "window", "rows", "requests", "parts", "first_id", "last_id", "started"),
        *("finished", "lines", "orders_with_fetched_lines", "counts", "complete"),
    }


def test_queries_keep_their_results_in_the_bucket_and_cannot_cost_much() -> None:
    group = resolved("ExportWorkGroup")
    configuration = group["WorkGroupConfiguration"]
    assert group["Name"] == "storekey"
    assert group["RecursiveDeleteOption"] is True
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 10 * 1024**3
    assert configuration["ResultConfiguration"]["OutputLocation"] == "s3://ExportBucket/athena-results/"
    assert configuration["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
