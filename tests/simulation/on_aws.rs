//! The suites of `contract` against AWS's adapters, on an emulator that answers
//! as AWS does. `cargo xtask test --full` installs it and runs these.

use crate::contract::{executions_suite, objects_suite, runs_suite, scenarios_suite};
use crate::contract_fleet::schedules_suite;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use dlt_core::ids::TestId;
use dlt_pipeline::executions::stepfunctions::StepFunctions;
use dlt_pipeline::objects::s3::S3Objects;
use dlt_pipeline::objects::{Objects, Verb};
use dlt_pipeline::runs::dynamodb::DynamoRuns;
use dlt_pipeline::scenarios::dynamodb::DynamoScenarios;
use dlt_pipeline::scenarios::{ScenarioItem, Scenarios};
use dlt_pipeline::schedules::eventbridge::EventBridge;
use dlt_pipeline::store::dynamodb::Table;
use dlt_tests::emulator::Emulator;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const REGION: Region = Region::from_static("eu-west-1");

fn credentials() -> Credentials {
    Credentials::new("test", "test", None, None, "the emulator's")
}

fn https() -> aws_sdk_s3::config::SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

fn s3(emulator: &Emulator) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(REGION)
        .credentials_provider(credentials())
        .endpoint_url(emulator.endpoint())
        .force_path_style(true)
        .http_client(https());
    aws_sdk_s3::Client::from_conf(config.build())
}

fn dynamodb(emulator: &Emulator) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(REGION)
        .credentials_provider(credentials())
        .endpoint_url(emulator.endpoint())
        .http_client(https());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

async fn bucket(emulator: &Emulator) -> S3Objects {
    let client = s3(emulator);
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder()
        .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
        .build();
    client
        .create_bucket()
        .bucket("dlt-contract")
        .create_bucket_configuration(place)
        .send()
        .await
        .unwrap();
    S3Objects::new(client, "dlt-contract".to_owned())
}

fn attribute(name: &str) -> AttributeDefinition {
    let attribute = AttributeDefinition::builder().attribute_name(name);
    attribute
        .attribute_type(ScalarAttributeType::S)
        .build()
        .unwrap()
}

fn keys(names: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let keys = names.iter().zip(kinds).map(|(name, kind)| {
        let key = KeySchemaElement::builder().attribute_name(*name);
        key.key_type(kind).build().unwrap()
    });
    keys.collect()
}

/// The tables of the contract: scenarios, and history with its index.
async fn tables(emulator: &Emulator) -> (Table, Table) {
    let client = dynamodb(emulator);
    let table = |name: &str| Table {
        client: client.clone(),
        name: name.to_owned(),
    };
    let create = client.create_table().table_name("scenarios");
    create
        .attribute_definitions(attribute("testId"))
        .set_key_schema(Some(keys(&["testId"])))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
    let carried = ["endTime", "status", "row"].map(str::to_owned).to_vec();
    let projection = Projection::builder()
        .projection_type(ProjectionType::Include)
        .set_non_key_attributes(Some(carried))
        .build();
    let index = GlobalSecondaryIndex::builder()
        .index_name("testId-startTime-index")
        .set_key_schema(Some(keys(&["testId", "startTime"])))
        .projection(projection)
        .build()
        .unwrap();
    let create = client.create_table().table_name("history");
    let attributes = ["testId", "testRunId", "startTime"].map(attribute);
    create
        .set_attribute_definitions(Some(attributes.to_vec()))
        .set_key_schema(Some(keys(&["testId", "testRunId"])))
        .global_secondary_indexes(index)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
    (table("scenarios"), table("history"))
}

#[tokio::test]
#[ignore = "needs DLT_MINISTACK: cargo xtask test --full"]
async fn objects_agree_on_s3() {
    let emulator = Emulator::start();
    let objects = bucket(&emulator).await;
    objects_suite(&objects).await;
    // A link is an address that needs no credentials of ours.
    let minute = Duration::from_secs(60);
    let link = objects.link("a/b/c.json", Verb::Get, minute).await.unwrap();
    let link = link.unwrap();
    assert!(link.starts_with(&emulator.endpoint()), "{link}");
    let path = link.strip_prefix(&emulator.endpoint()).unwrap();
    let reply = dlt_tests::http::send(&emulator.address, "GET", path, &[], b"");
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"two"[..]));
    let link = objects.link("links/new", Verb::Put, minute).await.unwrap();
    let link = link.unwrap();
    let path = link.strip_prefix(&emulator.endpoint()).unwrap();
    let reply = dlt_tests::http::send(&emulator.address, "PUT", path, &[], b"sent");
    assert_eq!(reply.status, 200);
    let objects: &dyn Objects = &objects;
    assert_eq!(objects.get("links/new").await.unwrap().unwrap(), b"sent");
}

#[tokio::test]
#[ignore = "needs DLT_MINISTACK: cargo xtask test --full"]
async fn runs_and_scenarios_agree_on_dynamodb() {
    let emulator = Emulator::start();
    let (scenarios, history) = tables(&emulator).await;
    let objects: Arc<dyn Objects> = Arc::new(bucket(&emulator).await);
    let runs = DynamoRuns(history);
    runs_suite(&runs).await;
    let scenarios = DynamoScenarios {
        table: scenarios,
        objects: Arc::clone(&objects),
    };
    scenarios_suite(&scenarios, &runs).await;
    // One that is larger than an item may be lies in the bucket, alone.
    let test = TestId::parse("large").unwrap();
    let body = json!({ "testName": "large", "testScenario": "x".repeat(900_000) });
    let mut item = ScenarioItem::new(test.clone(), body);
    for version in 0..3 {
        item.version = version;
        item.total_runs = version;
        scenarios.put(&item).await.unwrap();
        let stored = scenarios.get(&test).await.unwrap().unwrap();
        assert_eq!((stored.version, stored.total_runs), (version + 1, version));
        assert_eq!(stored.body, item.body);
    }
    let left = objects.list("test-scenarios/large-item-").await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    let stored = scenarios.get(&test).await.unwrap().unwrap();
    scenarios.delete(&stored).await.unwrap();
    let left = objects.list("test-scenarios/large-item-").await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs DLT_MINISTACK: cargo xtask test --full"]
async fn executions_agree_on_step_functions() {
    let emulator = Emulator::start();
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(REGION)
        .credentials_provider(credentials())
        .endpoint_url(emulator.endpoint())
        .http_client(https());
    let client = aws_sdk_sfn::Client::from_conf(config.build());
    let definition = json!({
        "StartAt": "Wait",
        "States": { "Wait": { "Type": "Wait", "Seconds": 600, "End": true } },
    });
    let create = client.create_state_machine().name("load-test");
    let made = create
        .definition(definition.to_string())
        .role_arn("arn:aws:iam::000000000000:role/workflow")
        .send()
        .await
        .unwrap();
    let machine = made.state_machine_arn().to_owned();
    let executions = StepFunctions::new(client.clone(), machine.clone());
    let begun = || {
        let list = client.list_executions().state_machine_arn(&machine);
        tokio::task::block_in_place(|| {
            let listed = tokio::runtime::Handle::current().block_on(list.send());
            listed.unwrap().executions().len()
        })
    };
    executions_suite(&executions, &begun).await;
}

#[tokio::test]
#[ignore = "needs DLT_MINISTACK: cargo xtask test --full"]
async fn schedules_agree_on_eventbridge() {
    let emulator = Emulator::start();
    let config = aws_sdk_scheduler::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(REGION)
        .credentials_provider(credentials())
        .endpoint_url(emulator.endpoint())
        .http_client(https());
    let client = aws_sdk_scheduler::Client::from_conf(config.build());
    let create = client.create_schedule_group().name("dlt-contract");
    create.send().await.unwrap();
    let schedules = EventBridge {
        client,
        group: "dlt-contract".to_owned(),
        function: "arn:aws:lambda:eu-west-1:000000000000:function:api".to_owned(),
        role: "arn:aws:iam::000000000000:role/schedules".to_owned(),
    };
    schedules_suite(&schedules).await;
}
