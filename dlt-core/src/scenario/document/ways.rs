//! The nearest way to what a key of Taurus asks for and dlt does not do. Which keys those are
//! stands with their readers.

/// The reason for refusing a key of Taurus that is not done here, without a way.
const NOT_YET: &str = "is not supported; remove it if the test is meant without it";

/// Keys with what to write in their place.
const WAYS: [(&str, &str); 36] = [
    (
        "assert-xpath",
        "write assert with a regular expression of the answer's text",
    ),
    (
        "assume-success",
        "write expect-status with the statuses that are ok",
    ),
    ("authorization", "write auth: { basic: … } or { bearer: … }"),
    (
        "concurrent-pool-size",
        "resources of pages are not fetched; list those that matter as requests",
    ),
    (
        "content-encoding",
        "requests are sent as UTF-8; write a body in another charset with body-file",
    ),
    ("cookies", "write a header Cookie"),
    (
        "delay",
        "write stages that begin with { target: 0, duration: … }",
    ),
    (
        "distributed",
        "JMeter's own servers are not used; spread the load with dlt run --tasks N, or testTaskConfigs",
    ),
    (
        "dump-csv",
        "dlt run -o csv=PATH writes the numbers of each label",
    ),
    (
        "env",
        "write variables, and ${env.NAME} with dlt run -e NAME",
    ),
    (
        "extract-css-jquery",
        "write extract-regexp, which reads HTML as text",
    ),
    (
        "extract-xpath",
        "write extract-regexp, which reads XML as text",
    ),
    (
        "files",
        "name files where they are used: data-sources, body-file, upload-files",
    ),
    (
        "foreach",
        "write loop: N with a value of data-sources, or a request for each value",
    ),
    (
        "include-scenario",
        "list the requests of that scenario here, or put execution and scenarios at the top, as Taurus has them",
    ),
    (
        "included-configs",
        "put everything into one file, as Taurus would merge them",
    ),
    (
        "jsr223",
        "code is not run; write functions like ${__UUID}, extractions, or data-sources",
    ),
    (
        "keystore",
        "write tls: { cert-file: …, key-file: … } with PEM files",
    ),
    (
        "modifications",
        "scripts of other tools are not run; write the requests as they are meant",
    ),
    ("protocol", "requests are sent by HTTP; remove it"),
    (
        "proxy",
        "write proxy: http://HOST:PORT in the scenario, or run it with -x URL",
    ),
    (
        "random-order",
        "rows are given out in their order; shuffle the file",
    ),
    (
        "random-source-ip",
        "a runner sends from its own address; use several runners",
    ),
    (
        "retrieve-resources",
        "only what is listed is requested: list the resources that matter, and write retrieve-resources: false",
    ),
    (
        "retrieve-resources-regex",
        "resources of pages are not fetched; list those that matter as requests",
    ),
    (
        "run-at",
        "thresholds are judged at the end of the run, wherever it runs; remove it",
    ),
    (
        "script",
        "scripts of other tools are not run; list what it requests in requests",
    ),
    (
        "sequential",
        "all items start together; write a file for each and run one after the other",
    ),
    (
        "services",
        "dlt starts no programs beside the load; start them before dlt run",
    ),
    (
        "set-variables",
        "write variables of the scenario, or an extraction",
    ),
    (
        "start-at",
        "start dlt run then, or dlt scenarios create with a schedule",
    ),
    ("steps", "write stages, each with a target and a duration"),
    (
        "store-cache",
        "no answer is kept: each request is sent; write store-cache: false",
    ),
    (
        "system-properties",
        "write what they change in the scenario",
    ),
    ("validate", "write expected-value with what is expected"),
    (
        "digest",
        "write auth: { basic: … } or { bearer: … }, or a header Authorization",
    ),
];

/// Why a key is refused, with the nearest way.
pub(crate) fn refusal(key: &str) -> String {
    match WAYS.iter().find(|row| row.0 == key) {
        Some((_, way)) => format!("is not supported: {way}"),
        None => NOT_YET.to_owned(),
    }
}
