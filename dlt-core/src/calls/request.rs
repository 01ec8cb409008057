//! An HTTP request read as a [`Call`], in the contract's order of checks:
//! body is JSON, path, query, body's schema, method (openapi "Order of
//! checks"). Pure, so the local server and the Lambda answer alike; signatures
//! come before it, doing the call after it.

use super::answers::LoadWish;
use super::bodies::{
    baseline_run, delete_runs, file_name, load_wish, percent_decoded, run_note, upload_name,
};
use super::query::{self, CompareQuery, HistogramQuery, RunsQuery, TimelineQuery};
use super::routes::{self, Place};
use crate::ids::{TestId, TestRunId};
use crate::refusal::Refusal;
use crate::scenario::Format;
use crate::scenario::document::raw;
use crate::scenario::limits::LONGEST_TEXT_BYTES;
use crate::value::Value;

/// Most bytes of a body where none is expected: some clients send `{}` with everything.
const LONGEST_UNASKED_BODY_BYTES: usize = 4_096;

/// Most bytes of a body that are read of a request of this method, files apart. Whoever may only
/// read sends no body that costs time or memory.
pub fn longest_body(method: &str) -> usize {
    match method {
        "POST" | "PUT" | "DELETE" => LONGEST_TEXT_BYTES,
        _ => LONGEST_UNASKED_BODY_BYTES,
    }
}

/// What is answered to a longer one, with status 413.
pub fn too_long_body(method: &str) -> String {
    match longest_body(method) {
        LONGEST_UNASKED_BODY_BYTES => {
            format!("a {method} request has no body; send it without")
        }
        limit => format!("the body is longer than {limit} bytes"),
    }
}

/// A request, as a server has it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Without query, percent-decoded no further than the server must.
    pub path: &'a str,
    /// The raw query, without `?`.
    pub query: Option<&'a str>,
    /// The whole body; empty means none.
    pub body: &'a [u8],
}

/// A call of the API, as its request was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// GET /scenarios.
    ListScenarios {
        /// Normalised tags, any of which must match; None means no filter.
        tags: Option<Vec<String>>,
        /// Whether those of one-off runs are listed too.
        one_off: bool,
    },
    /// GET /regions, GET /scenarios?op=listRegions.
    ListRegions,
    /// POST /scenarios: run, save or schedule.
    PostScenario {
        /// A JSON object, whose schema `scenario::post` has still to check.
        body: Value,
    },
    /// GET /scenarios/{testId}.
    GetScenario {
        /// The scenario's id.
        test: TestId,
        /// With run records.
        history: bool,
        /// With the last results.
        latest: bool,
        /// With the secrets that were written.
        secrets: bool,
    },
    /// POST /scenarios/{testId}.
    CancelScenario {
        /// The scenario's id.
        test: TestId,
    },
    /// DELETE /scenarios/{testId}.
    DeleteScenario {
        /// The scenario's id.
        test: TestId,
    },
    /// GET /scenarios/{testId}/testruns.
    ListRuns {
        /// The scenario's id.
        test: TestId,
        /// Limit, time bounds and page.
        query: RunsQuery,
    },
    /// DELETE /scenarios/{testId}/testruns.
    DeleteRuns {
        /// The scenario's id.
        test: TestId,
        /// The runs' ids, at least one.
        runs: Vec<TestRunId>,
    },
    /// GET /scenarios/{testId}/testruns/{testRunId}.
    GetRun {
        /// The scenario's id.
        test: TestId,
        /// The run's id.
        run: TestRunId,
        /// With the secrets that the scenario still has.
        secrets: bool,
    },
    /// GET …/testruns/{testRunId}/{part}: ours, decision 21.
    GetRunPart {
        /// The scenario's id.
        test: TestId,
        /// The run's id.
        run: TestRunId,
        /// Which part.
        part: RunPart,
    },
    /// PUT …/testruns/{testRunId}/note: ours.
    PutNote {
        /// The scenario's id.
        test: TestId,
        /// The run's id.
        run: TestRunId,
        /// The note; empty removes it.
        note: String,
    },
    /// POST …/testruns/{testRunId}/load: ours.
    ChangeLoad {
        /// The scenario's id.
        test: TestId,
        /// The run's id.
        run: TestRunId,
        /// What is asked for.
        wish: LoadWish,
    },
    /// GET /scenarios/{testId}/live: ours, decision 21.
    Live {
        /// The scenario's id.
        test: TestId,
    },
    /// GET /scenarios/{testId}/files: ours, decision 21.
    ListFiles {
        /// The scenario's id.
        test: TestId,
    },
    /// POST /scenarios/{testId}/files with `{ "name": … }`: where to send the file.
    PostFile {
        /// The scenario's id.
        test: TestId,
        /// The file's name, without folders.
        name: String,
    },
    /// PUT /scenarios/{testId}/files/{name}, the bytes being the body.
    PutFile {
        /// The scenario's id.
        test: TestId,
        /// The file's name, without folders.
        name: String,
    },
    /// DELETE /scenarios/{testId}/files/{name}.
    DeleteFile {
        /// The scenario's id.
        test: TestId,
        /// The file's name, without folders.
        name: String,
    },
    /// GET /scenarios/{testId}/baseline.
    GetBaseline {
        /// The scenario's id.
        test: TestId,
        /// With the run's details.
        data: bool,
    },
    /// PUT /scenarios/{testId}/baseline.
    SetBaseline {
        /// The scenario's id.
        test: TestId,
        /// The run's id, from the body.
        run: TestRunId,
    },
    /// DELETE /scenarios/{testId}/baseline.
    ClearBaseline {
        /// The scenario's id.
        test: TestId,
    },
    /// GET /tasks.
    ListTasks,
    /// GET /vCPUDetails.
    GetCapacity,
    /// GET /stack-info.
    GetStackInfo,
    /// GET /openapi.json: ours, decision 22.
    GetDescription,
    /// Paths that DLT's console polls and that we answer with `[]`.
    EmptyList,
}

/// A part of a run that has a route of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum RunPart {
    /// Second by second.
    Timeline(TimelineQuery),
    /// How far its runners are.
    Runners,
    /// The merged exact histogram of the run, a label or a region.
    Histogram(HistogramQuery),
    /// Failures by cause.
    Errors,
    /// What changed since another run (decision 20).
    Compare(CompareQuery),
    /// The run's objects, or the bytes of one of them.
    Artifacts {
        /// The object whose bytes are wanted; None means the list.
        name: Option<String>,
    },
}

/// A path of the contract, its parameters not yet checked.
enum Route<'a> {
    Scenarios,
    Scenario(&'a str),
    Runs(&'a str),
    Run(&'a str, &'a str),
    RunPart(&'a str, &'a str, &'a str),
    Note(&'a str, &'a str),
    Load(&'a str, &'a str),
    Baseline(&'a str),
    Live(&'a str),
    Files(&'a str),
    File(&'a str, &'a str),
    Platform(Call),
}

fn route(path: &str) -> Option<Route<'_>> {
    let (place, parameters) = routes::find(path)?;
    Some(match (place, parameters.as_slice()) {
        (Place::Scenarios, _) => Route::Scenarios,
        (Place::Scenario, [test]) => Route::Scenario(test),
        (Place::Runs, [test]) => Route::Runs(test),
        (Place::Run, [test, run]) => Route::Run(test, run),
        (Place::RunPart(part), [test, run]) => Route::RunPart(test, run, part),
        (Place::Note, [test, run]) => Route::Note(test, run),
        (Place::Load, [test, run]) => Route::Load(test, run),
        (Place::Baseline, [test]) => Route::Baseline(test),
        (Place::Live, [test]) => Route::Live(test),
        (Place::Files, [test]) => Route::Files(test),
        (Place::File, [test, name]) => Route::File(test, name),
        (Place::Empty, _) => Route::Platform(Call::EmptyList),
        (Place::Tasks, _) => Route::Platform(Call::ListTasks),
        (Place::Regions, _) => Route::Platform(Call::ListRegions),
        (Place::Capacity, _) => Route::Platform(Call::GetCapacity),
        (Place::StackInfo, _) => Route::Platform(Call::GetStackInfo),
        (Place::Description, _) => Route::Platform(Call::GetDescription),
        _ => return None,
    })
}

impl Call {
    /// Reads a request. None when no such path exists: the gateway's answer to
    /// that is 403 with an object, which is the server's to give.
    pub fn read(request: &Request<'_>) -> Option<Result<Self, Refusal>> {
        let route = route(request.path)?;
        Some(read_routed(request, route))
    }
}

fn read_routed(request: &Request<'_>, route: Route<'_>) -> Result<Call, Refusal> {
    if let Route::File(test, name) = route {
        // The body is the file, whatever it is.
        return file(request, test, name);
    }
    let body = read_body(request)?;
    let pairs = query::pairs(request.query);
    match route {
        Route::Scenarios => scenarios(request, body, query::scenarios(pairs)?),
        Route::Scenario(test) => {
            let test = test_id(test)?;
            let asked = query::scenario(pairs, request.method == "GET")?;
            match request.method {
                "GET" => Ok(Call::GetScenario {
                    test,
                    history: asked.history,
                    latest: asked.latest,
                    secrets: asked.secrets,
                }),
                "POST" => Ok(Call::CancelScenario { test }),
                "DELETE" => Ok(Call::DeleteScenario { test }),
                _ => Err(refuse_method(request)),
            }
        }
        Route::Runs(test) => {
            let test = test_id(test)?;
            let query = query::runs(pairs)?;
            match request.method {
                "GET" => Ok(Call::ListRuns { test, query }),
                "DELETE" => Ok(Call::DeleteRuns {
                    test,
                    runs: delete_runs(body)?,
                }),
                _ => Err(refuse_method(request)),
            }
        }
        Route::Run(test, run) => {
            let (test, run) = (test_id(test)?, run_id(run)?);
            let secrets = query::run(pairs)?;
            only_get(request).map(|()| Call::GetRun { test, run, secrets })
        }
        Route::RunPart(test, run, part) => {
            let (test, run) = (test_id(test)?, run_id(run)?);
            let part = run_part(part, pairs)?;
            only_get(request).map(|()| Call::GetRunPart { test, run, part })
        }
        Route::Note(test, run) => {
            query::none(pairs)?;
            note(request, test, run, body)
        }
        Route::Load(test, run) => {
            query::none(pairs)?;
            load(request, test, run, body)
        }
        Route::Baseline(test) => baseline(request, test, body, query::baseline(pairs)),
        Route::Live(test) => {
            let test = test_id(test)?;
            only_get(request).map(|()| Call::Live { test })
        }
        Route::Files(test) => {
            let test = test_id(test)?;
            match request.method {
                "GET" => Ok(Call::ListFiles { test }),
                "POST" => upload_name(body).map(|name| Call::PostFile { test, name }),
                _ => Err(refuse_method(request)),
            }
        }
        Route::File(test, name) => file(request, test, name),
        Route::Platform(call) => only_get(request).map(|()| call),
    }
}

fn note(
    request: &Request<'_>,
    test: &str,
    run: &str,
    body: Option<Value>,
) -> Result<Call, Refusal> {
    let (test, run) = (test_id(test)?, run_id(run)?);
    match request.method {
        "PUT" => run_note(body).map(|note| Call::PutNote { test, run, note }),
        _ => Err(refuse_method(request)),
    }
}

fn load(
    request: &Request<'_>,
    test: &str,
    run: &str,
    body: Option<Value>,
) -> Result<Call, Refusal> {
    let (test, run) = (test_id(test)?, run_id(run)?);
    match request.method {
        "POST" => load_wish(body).map(|wish| Call::ChangeLoad { test, run, wish }),
        _ => Err(refuse_method(request)),
    }
}

/// The body as a value; None if there is none.
fn read_body(request: &Request<'_>) -> Result<Option<Value>, Refusal> {
    let body = request.body;
    if body.len() > longest_body(request.method) {
        let text = too_long_body(request.method);
        return Err(Refusal::new(413, "REQUEST_TOO_LONG", text));
    }
    if body.is_empty() {
        return Ok(None);
    }
    let (value, doubled) = raw::read(body, Format::Json)
        .map_err(|fault| Refusal::new(400, "", format!("{}: {}", fault.path, fault.reason)))?;
    match doubled.is_empty() {
        true => Ok(Some(value)),
        false => Err(Refusal::body(doubled)),
    }
}

fn scenarios(
    request: &Request<'_>,
    body: Option<Value>,
    asked: query::Scenarios,
) -> Result<Call, Refusal> {
    match (request.method, asked) {
        ("GET", query::Scenarios::Regions) => Ok(Call::ListRegions),
        ("GET", query::Scenarios::Listed { tags, one_off }) => {
            Ok(Call::ListScenarios { tags, one_off })
        }
        ("POST", _) => post_scenario(body),
        _ => Err(refuse_method(request)),
    }
}

fn run_part(name: &str, pairs: Vec<(String, String)>) -> Result<RunPart, Refusal> {
    Ok(match name {
        "timeline" => RunPart::Timeline(query::timeline(pairs)?),
        "runners" => query::none(pairs).map(|()| RunPart::Runners)?,
        "histogram" => RunPart::Histogram(query::histogram(pairs)?),
        "errors" => query::none(pairs).map(|()| RunPart::Errors)?,
        "compare" => RunPart::Compare(query::compare(pairs)?),
        _ => RunPart::Artifacts {
            name: query::only(pairs, "name")?,
        },
    })
}

/// The path under which an uploaded file is sent, read back as
/// [`Call::PutFile`].
pub fn file_path(test: &TestId, name: &str) -> String {
    // File names hold no other characters that need it.
    let name = url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>();
    format!("/scenarios/{test}/files/{}", name.replace('+', "%20"))
}

fn file(request: &Request<'_>, test: &str, name: &str) -> Result<Call, Refusal> {
    let test = test_id(test)?;
    let decoded = percent_decoded(name);
    let name = file_name(&decoded)
        .map_err(|rule| Refusal::new(400, "INVALID_PATH_PARAMETER", format!("name {rule}")))?;
    match request.method {
        "PUT" => Ok(Call::PutFile { test, name }),
        "DELETE" => Ok(Call::DeleteFile { test, name }),
        _ => Err(refuse_method(request)),
    }
}

fn baseline(
    request: &Request<'_>,
    test: &str,
    body: Option<Value>,
    data: Result<bool, Refusal>,
) -> Result<Call, Refusal> {
    let test = test_id(test)?;
    let data = data?;
    match request.method {
        "GET" => Ok(Call::GetBaseline { test, data }),
        "PUT" => Ok(Call::SetBaseline {
            test,
            run: baseline_run(body)?,
        }),
        "DELETE" => Ok(Call::ClearBaseline { test }),
        _ => Err(refuse_method(request)),
    }
}

fn test_id(text: &str) -> Result<TestId, Refusal> {
    TestId::parse(text)
        .map_err(|error| Refusal::new(400, "INVALID_PATH_PARAMETER", error.to_string()))
}

fn run_id(text: &str) -> Result<TestRunId, Refusal> {
    TestRunId::parse(text)
        .map_err(|error| Refusal::new(400, "INVALID_PATH_PARAMETER", error.to_string()))
}

fn only_get(request: &Request<'_>) -> Result<(), Refusal> {
    match request.method {
        "GET" => Ok(()),
        _ => Err(refuse_method(request)),
    }
}

fn refuse_method(request: &Request<'_>) -> Refusal {
    let text = format!("{} is not supported on {}", request.method, request.path);
    Refusal::new(405, "METHOD_NOT_ALLOWED", text)
}

fn post_scenario(body: Option<Value>) -> Result<Call, Refusal> {
    match body {
        Some(body @ Value::Object(_)) => Ok(Call::PostScenario { body }),
        Some(_) => Err(Refusal::fault("value", "must be an object")),
        None => Err(Refusal::new(
            400,
            "BAD_REQUEST",
            "send the scenario as a JSON body",
        )),
    }
}

#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod tests;
