//! The functions of Lambda, all in one binary: `DLT_FUNCTION` says which one it is.
//! What they do is the library's; here events are taken and answers given.

use dlt_core::ids::Region;
use dlt_pipeline::api::lambda::{Caller, respond};
use dlt_pipeline::aws::bootstrap::Bootstrap;
use dlt_pipeline::aws::bootstrap::settings::BootstrapSettings;
use dlt_pipeline::aws::settings::Settings;
use dlt_pipeline::aws::{Worlds, publish};
use dlt_pipeline::clients::failure::failed;
use dlt_pipeline::clients::http::install_tls;
use dlt_pipeline::clients::{Clients, iot};
use dlt_pipeline::clock::{Clock as _, SystemClock};
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::functions;
use dlt_pipeline::functions::fire::{Missed, fire, plan_repeat};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// A function of the stack, by its name in the AWS guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    /// One that needs the hub's world.
    OfHub(HubFunction),
    Publisher,
    Bootstrap,
}

/// A function of the hub that reads and changes scenarios and runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HubFunction {
    Api,
    /// One that the workflow calls, by its name there.
    OfWorkflow(&'static str),
}

impl Function {
    fn named(name: &str) -> Option<Self> {
        let of_workflow = |resource| Self::OfHub(HubFunction::OfWorkflow(resource));
        Some(match name {
            "api" => Self::OfHub(HubFunction::Api),
            "task-status-checker" => of_workflow("${TaskStatusCheckerArn}"),
            "task-runner" => of_workflow("${TaskRunnerArn}"),
            "task-canceler" => of_workflow("${TaskCancelerArn}"),
            "results-parser" => of_workflow("${ResultsParserArn}"),
            "real-time-data-publisher" => Self::Publisher,
            "bootstrap" => Self::Bootstrap,
            _ => return None,
        })
    }
}

/// An error as the workflow's Retry and Catch know it.
fn diagnostic(error: &PipelineError) -> Diagnostic {
    Diagnostic {
        error_type: error.asl_name().to_owned(),
        error_message: error.to_string(),
    }
}

async fn handle(
    function: HubFunction,
    worlds: &Worlds,
    event: LambdaEvent<Value>,
) -> Result<Value, PipelineError> {
    let own = &event.context.invoked_function_arn;
    let event = event.payload;
    match function {
        HubFunction::Api => api(worlds, own, &event).await,
        HubFunction::OfWorkflow(resource) => {
            let run = event["testRunId"].as_str();
            let world = worlds.world(own, run).await?;
            match event["execution"].as_str() {
                None => functions::call(&world, resource, event).await,
                Some(execution) => {
                    let world = worlds.in_execution(&world, execution);
                    functions::call(&world, resource, event).await
                }
            }
        }
    }
}

/// A request, or a schedule that rings.
async fn api(worlds: &Worlds, own: &str, event: &Value) -> Result<Value, PipelineError> {
    if let Some(test) = event["wake"]["testId"].as_str() {
        let test = dlt_core::ids::TestId::parse(test)
            .map_err(|error| PipelineError::Input(format!("testId: {error}")))?;
        // Before anything else can fail.
        let schedules = worlds.schedules(own);
        plan_repeat(schedules.as_ref(), &test, SystemClock.now_us()).await?;
        let world = worlds.world_now(own).await?;
        let fired = fire(&world, &test, Missed::Run).await?;
        return Ok(json!({ "fired": format!("{fired:?}") }));
    }
    // What starts something sees the regions as they are: one may have been added, or got its tools,
    // a second ago.
    let world = match event["httpMethod"].as_str() {
        Some("POST" | "PUT") => worlds.world_now(own).await?,
        _ => worlds.world(own, None).await?,
    };
    let allow = async || {
        let policy = worlds.settings().iot_policy.as_ref();
        match (policy, Caller::of(event).identity) {
            (Some(policy), Some(identity)) => {
                iot::attach_policy(worlds.clients(), policy, &identity).await
            }
            _ => Ok(()),
        }
    };
    let writers = worlds.settings().writers_role.as_deref();
    Ok(respond(&world, event, writers, allow).await.to_event())
}

/// The publisher of a region: it needs no stack but the hub's topics.
struct Publisher {
    region: Region,
    topics: aws_sdk_iotdataplane::Client,
}

impl Publisher {
    async fn publish(&self, event: &Value) -> Result<Value, PipelineError> {
        let messages = publish::messages(&self.region, event)?;
        for message in &messages {
            let publish = self.topics.publish().topic(&message.topic);
            let sent = publish.payload(message.payload.clone().into_bytes().into());
            sent.send()
                .await
                .map_err(|error| failed(&format!("topic {}", message.topic), error))?;
        }
        Ok(json!({ "published": messages.len() }))
    }
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn need(name: &str) -> Result<String, Error> {
    env(name).ok_or_else(|| {
        format!("environment variable {name} is not set; the stack's template sets it").into()
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    install_tls();
    let name = need("DLT_FUNCTION")?;
    let function = Function::named(&name)
        .ok_or_else(|| format!("DLT_FUNCTION is {name:?}, which is none of the functions"))?;
    match function {
        Function::Publisher => serve_publisher().await,
        Function::Bootstrap => serve_bootstrap().await,
        Function::OfHub(function) => serve_hub(function).await,
    }
}

async fn serve_publisher() -> Result<(), Error> {
    let hub = need("DLT_HUB_REGION")?;
    let hub = Region::parse(&hub).map_err(|error| format!("DLT_HUB_REGION: {error}"))?;
    let clients = Clients::load(&hub).await;
    let publisher = Publisher {
        region: Region::parse(&need("AWS_REGION")?)
            .map_err(|error| format!("AWS_REGION: {error}"))?,
        topics: clients.iot_data(&need("DLT_IOT_ENDPOINT")?),
    };
    let publisher = &publisher;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let published = publisher.publish(&event.payload).await;
        published.map_err(|error| diagnostic(&error))
    }))
    .await
}

async fn serve_bootstrap() -> Result<(), Error> {
    let settings = BootstrapSettings::read(env).map_err(|error| error.to_string())?;
    let bootstrap = Bootstrap::of(settings).await;
    let bootstrap = &bootstrap;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let answered = bootstrap.answer(&event.payload).await;
        answered.map_err(|error| diagnostic(&error))
    }))
    .await
}

async fn serve_hub(function: HubFunction) -> Result<(), Error> {
    let settings = Settings::read(env).map_err(|error| error.to_string())?;
    let worlds = Worlds::of(settings).await;
    let worlds = &worlds;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let answered = handle(function, worlds, event).await;
        answered.map_err(|error| diagnostic(&error))
    }))
    .await
}
