//! The one table of routes: every path with its methods, and what each takes and
//! answers. `request` finds paths in it and `openapi` describes it, so both have
//! the same paths; tests check that their methods agree too.

mod either;
mod made;

use super::answers::{
    Artifact, ArtifactsAnswer, BaselineAnswer, BaselineChanged, ErrorsAnswer, FilesAnswer,
    HistogramAnswer, LoadChanges, LoadWish, RegionTaskIds, RegionsAnswer, RunNote, RunnersAnswer,
    RunsDeleted, ScenarioRecord, StackInfo, TestRunsPage, TimelineAnswer, UploadAnswer,
};
use super::live::LiveStatus;
use crate::compare::Comparison;
use crate::record::RunRecord;
use crate::shapes;
use made::{get, part, plain};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// A path without its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Scenarios,
    Scenario,
    Runs,
    Run,
    RunPart(&'static str),
    Note,
    Load,
    Baseline,
    Live,
    Files,
    File,
    Tasks,
    Regions,
    Capacity,
    StackInfo,
    Description,
    /// Polled by DLT's console.
    Empty,
}

/// Makes a schema.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// A path and what may be done there.
pub(super) struct Row {
    pub place: Place,
    /// With parameters in braces.
    pub template: &'static str,
    pub operations: &'static [Operation],
}

/// One method of a path.
pub(super) struct Operation {
    pub method: &'static str,
    pub id: &'static str,
    pub says: &'static str,
    /// Names of query parameters, with a star those that may be there several times; `openapi`
    /// describes their values.
    pub query: &'static [&'static str],
    pub body: Body,
    pub answer: Answer,
    /// Statuses of refusals beyond those that every operation has.
    pub refusals: &'static [u16],
}

/// The body that a request carries.
pub(super) enum Body {
    None,
    /// JSON; required or not.
    Json(Shape, bool),
    Bytes,
}

/// What a success is.
pub(super) enum Answer {
    Json(Shape),
    /// JSON, or with `name` the bytes of a file.
    JsonOrBytes(Shape),
    /// Server-sent events; the shape is that of `status`.
    Events(Shape),
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Finds a path: where it is, and its parameters in order.
pub(super) fn find(path: &str) -> Option<(Place, Vec<&str>)> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    TABLE.iter().find_map(|row| {
        let words: Vec<&str> = row.template.trim_matches('/').split('/').collect();
        if words.len() != parts.len() {
            return None;
        }
        let mut parameters = Vec::new();
        for (word, part) in words.iter().zip(&parts) {
            match word.starts_with('{') {
                true => parameters.push(*part),
                false if word == part => {}
                false => return None,
            }
        }
        Some((row.place, parameters))
    })
}

pub(super) const TABLE: &[Row] = &[
    Row {
        place: Place::Scenarios,
        template: "/scenarios",
        operations: &[
            Operation {
                query: &["op", "tags", "oneOff"],
                ..get(
                    "listScenarios",
                    "List scenarios, latest start first; or regions with op=listRegions",
                    either::scenarios_or_regions,
                )
            },
            Operation {
                query: &["op", "tags", "oneOff"],
                body: Body::Json(shapes::create_scenario, true),
                refusals: &[409],
                ..plain(
                    "POST",
                    get(
                        "createOrRunScenario",
                        "Keep a scenario; run it now, save it, or schedule it",
                        of::<ScenarioRecord>,
                    ),
                )
            },
        ],
    },
    Row {
        place: Place::Scenario,
        template: "/scenarios/{testId}",
        operations: &[
            Operation {
                query: &["history", "latest", "secrets"],
                refusals: &[404],
                ..get(
                    "getScenario",
                    "One scenario with its last result, live task counts and runs",
                    of::<ScenarioRecord>,
                )
            },
            Operation {
                query: &["history", "latest"],
                body: Body::Json(shapes::anything, false),
                refusals: &[404],
                ..plain(
                    "POST",
                    get(
                        "cancelScenario",
                        "Cancel the run in progress; at rest, drop a schedule",
                        shapes::cancelling,
                    ),
                )
            },
            Operation {
                query: &["history", "latest"],
                refusals: &[404, 409],
                ..plain(
                    "DELETE",
                    get(
                        "deleteScenario",
                        "Delete a scenario, its schedule and its runs",
                        shapes::success,
                    ),
                )
            },
        ],
    },
    Row {
        place: Place::Runs,
        template: "/scenarios/{testId}/testruns",
        operations: &[
            Operation {
                query: either::RUNS_QUERY,
                refusals: &[404],
                ..get(
                    "listTestRuns",
                    "Page through the runs of a scenario, newest first",
                    of::<TestRunsPage>,
                )
            },
            Operation {
                query: either::RUNS_QUERY,
                body: Body::Json(shapes::run_ids, true),
                refusals: &[404, 409],
                ..plain(
                    "DELETE",
                    get(
                        "deleteTestRuns",
                        "Delete runs; none if one is the baseline or in progress",
                        of::<RunsDeleted>,
                    ),
                )
            },
        ],
    },
    Row {
        place: Place::Run,
        template: "/scenarios/{testId}/testruns/{testRunId}",
        operations: &[Operation {
            query: &["secrets"],
            refusals: &[404],
            ..get("getTestRun", "The full record of one run", of::<RunRecord>)
        }],
    },
    part(
        "timeline",
        &[Operation {
            query: &["label*", "from_s", "to_s", "step_s"],
            refusals: &[404],
            ..get(
                "getTimeline",
                "The run second by second, over all and by region; labels that are asked for",
                of::<TimelineAnswer>,
            )
        }],
        "/scenarios/{testId}/testruns/{testRunId}/timeline",
    ),
    part(
        "histogram",
        &[Operation {
            query: &["label", "region", "of"],
            refusals: &[404],
            ..get(
                "getHistogram",
                "The exact merged distribution of response times, of the run, a label or a region",
                of::<HistogramAnswer>,
            )
        }],
        "/scenarios/{testId}/testruns/{testRunId}/histogram",
    ),
    part(
        "compare",
        &[Operation {
            query: &[
                "with",
                "with_test",
                "region",
                "threshold_pct",
                "error_points",
            ],
            refusals: &[404],
            ..get(
                "compareTestRuns",
                "What changed from the run `with` to this one, and what one may call it",
                of::<Comparison>,
            )
        }],
        "/scenarios/{testId}/testruns/{testRunId}/compare",
    ),
    part(
        "errors",
        &[Operation {
            refusals: &[404],
            ..get(
                "getErrors",
                "Failures by cause, most frequent first",
                of::<ErrorsAnswer>,
            )
        }],
        "/scenarios/{testId}/testruns/{testRunId}/errors",
    ),
    part(
        "runners",
        &[Operation {
            refusals: &[404],
            ..get(
                "getRunners",
                "The runners of the run: how far each is, and how it fared",
                of::<RunnersAnswer>,
            )
        }],
        "/scenarios/{testId}/testruns/{testRunId}/runners",
    ),
    Row {
        place: Place::Note,
        template: "/scenarios/{testId}/testruns/{testRunId}/note",
        operations: &[Operation {
            body: Body::Json(of::<RunNote>, true),
            refusals: &[404],
            ..plain(
                "PUT",
                get(
                    "putNote",
                    "Keep a person's note on a run; an empty one removes it",
                    of::<RunNote>,
                ),
            )
        }],
    },
    Row {
        place: Place::Load,
        template: "/scenarios/{testId}/testruns/{testRunId}/load",
        operations: &[Operation {
            body: Body::Json(of::<LoadWish>, true),
            refusals: &[404, 409],
            ..plain(
                "POST",
                get(
                    "changeLoad",
                    "Change the load of a run that goes on: more, less, a pause, an earlier end",
                    of::<LoadChanges>,
                ),
            )
        }],
    },
    part(
        "artifacts",
        &[Operation {
            query: &["name"],
            answer: Answer::JsonOrBytes(of::<ArtifactsAnswer>),
            refusals: &[404],
            ..get(
                "getArtifacts",
                "What the run left in the bucket, or the bytes of one of these",
                of::<ArtifactsAnswer>,
            )
        }],
        "/scenarios/{testId}/testruns/{testRunId}/artifacts",
    ),
    Row {
        place: Place::Empty,
        template: "/scenarios/{testId}/testruns/{testRunId}/investigations",
        operations: &[get(
            "listInvestigations",
            "Polled by DLT's console",
            shapes::nothing,
        )],
    },
    Row {
        place: Place::Baseline,
        template: "/scenarios/{testId}/baseline",
        operations: &[
            Operation {
                query: &["data"],
                refusals: &[404],
                ..get(
                    "getBaseline",
                    "The run that others are compared with",
                    of::<BaselineAnswer>,
                )
            },
            Operation {
                query: &["data"],
                body: Body::Json(shapes::baseline_run, true),
                refusals: &[404],
                ..plain(
                    "PUT",
                    get(
                        "setBaseline",
                        "Make a run the baseline",
                        of::<BaselineChanged>,
                    ),
                )
            },
            Operation {
                query: &["data"],
                refusals: &[404],
                ..plain(
                    "DELETE",
                    get(
                        "clearBaseline",
                        "Forget the baseline",
                        of::<BaselineChanged>,
                    ),
                )
            },
        ],
    },
    Row {
        place: Place::Live,
        template: "/scenarios/{testId}/live",
        operations: &[Operation {
            answer: Answer::Events(of::<LiveStatus>),
            refusals: &[404, 429],
            ..get(
                "listen",
                "Live data as server-sent events: status, tick, note",
                of::<LiveStatus>,
            )
        }],
    },
    Row {
        place: Place::Files,
        template: "/scenarios/{testId}/files",
        operations: &[
            get(
                "listFiles",
                "Files that were uploaded for a scenario",
                of::<FilesAnswer>,
            ),
            Operation {
                body: Body::Json(shapes::file_name, true),
                ..plain(
                    "POST",
                    get(
                        "placeFile",
                        "Where and how to send a file",
                        of::<UploadAnswer>,
                    ),
                )
            },
        ],
    },
    Row {
        place: Place::File,
        template: "/scenarios/{testId}/files/{name}",
        operations: &[
            Operation {
                body: Body::Bytes,
                ..plain("PUT", get("putFile", "Send a file", of::<Artifact>))
            },
            Operation {
                ..plain(
                    "DELETE",
                    get("deleteFile", "Delete a file", shapes::success),
                )
            },
        ],
    },
    Row {
        place: Place::Tasks,
        template: "/tasks",
        operations: &[get(
            "listTasks",
            "Runners by region",
            of::<Vec<RegionTaskIds>>,
        )],
    },
    Row {
        place: Place::Regions,
        template: "/regions",
        operations: &[get(
            "listRegions",
            "Registered regions",
            of::<RegionsAnswer>,
        )],
    },
    Row {
        place: Place::Capacity,
        template: "/vCPUDetails",
        operations: &[get(
            "getVcpuDetails",
            "Capacity by region",
            either::capacity,
        )],
    },
    Row {
        place: Place::StackInfo,
        template: "/stack-info",
        operations: &[get("getStackInfo", "What is deployed", of::<StackInfo>)],
    },
    Row {
        place: Place::Description,
        template: "/openapi.json",
        operations: &[get("getDescription", "This document", shapes::description)],
    },
    Row {
        place: Place::Empty,
        template: "/agent-spaces",
        operations: &[get(
            "listAgentSpaces",
            "Polled by DLT's console",
            shapes::nothing,
        )],
    },
];
