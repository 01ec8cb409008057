//! How much a scenario may ask for: every limit, with its reason. What breaks
//! one is refused with the limit in the message, never cut.

use crate::keys::LARGEST_FILE_BYTES;
use crate::load::LONGEST_LOAD_US;

/// Largest scenario text, bytes: the smallest limit on its way, that of a
/// Lambda's request.
pub const LONGEST_TEXT_BYTES: usize = 6 * 1024 * 1024;
/// Most values of a scenario text, those inside others and aliases counted too: each takes up to
/// 500 bytes while it is read, so that a text of 6 MiB of `0,` would take more than a gigabyte.
/// The longest scenarios have some 20,000.
pub const MOST_VALUES: usize = 200_000;
/// Deepest nesting of a scenario text: five times what the form needs, and far
/// from any parser's stack.
pub const DEEPEST: usize = 64;
/// Most faults reported at once: more help no reader, and a hostile body must not
/// make a longer answer than itself.
pub const MOST_FAULTS: usize = 500;
/// Most warnings kept.
pub const MOST_WARNINGS: usize = 100;

/// Most users of a run: 1,000 tasks of 1,000.
pub const MOST_USERS: u64 = 1_000_000;
/// Most users of one task (contract).
pub const MOST_CONCURRENCY: u64 = 25_000;
/// Most arrivals per second of a run: a hundred times what 1,000 small tasks send.
pub const MOST_ARRIVALS: f64 = 10_000_000.0;
/// Most requests in flight in open load unless the scenario sets it.
pub const DEFAULT_CONNECTIONS: u64 = 10_000;
/// Most requests in flight in open load: as many as users.
pub const MOST_CONNECTIONS: u64 = 1_000_000;
/// Most entries of `resolve`, `connect-to` and `no-proxy` each: as many as scenarios have
/// requests, several times over what name servers of a test hold.
pub const MOST_ROUTES: usize = 1_000;
/// Most stages of a load: a day in steps of 90 s.
pub const MOST_STAGES: usize = 1_000;
/// Most rounds of a user: a round a millisecond for ten days.
pub const MOST_ITERATIONS: u64 = 1_000_000_000;
/// Most requests of a run that counts them: a million per second for ten days.
pub const MOST_TOTAL_REQUESTS: u64 = 1_000_000_000_000;
/// Planned end of a load that counts rounds or requests and has no `hold-for`: a run must
/// end even if the target never answers, and an hour is the longest answer
/// that can be measured.
pub const ITERATIONS_END_US: u64 = 3600 * 1_000_000;
/// Shortest `hold-for` (contract); a tick is a second.
pub const SHORTEST_HOLD_US: u64 = 1_000_000;
/// Longest planned load.
pub const LONGEST_US: u64 = LONGEST_LOAD_US;
/// How long requests in flight may finish unless the scenario sets it.
pub const DEFAULT_GRACEFUL_STOP_US: u64 = 5_000_000;
/// Longest graceful stop: a run's end must stay foreseeable.
pub const LONGEST_GRACEFUL_STOP_US: u64 = 600 * 1_000_000;

/// How long a target may be out of reach before the load ends, unless the scenario
/// sets it: longer than a restart of most servers that are restarted on purpose.
pub const DEFAULT_GIVE_UP_AFTER_US: u64 = 5_000_000;
/// Shortest such time: it is judged by the second.
pub const SHORTEST_GIVE_UP_AFTER_US: u64 = 1_000_000;

/// How often a name is resolved again unless the scenario sets it: load balancers
/// of clouds change their addresses in a minute or more.
pub const DEFAULT_DNS_REFRESH_US: u64 = 30 * 1_000_000;
/// Shortest time between two lookups of a name: each thread of each runner makes
/// them, and the resolver is not the target.
pub const SHORTEST_DNS_REFRESH_US: u64 = 1_000_000;
/// Longest time between two lookups of a name: the longest load, which means never.
pub const LONGEST_DNS_REFRESH_US: u64 = LONGEST_LOAD_US;

/// Most addresses of a runner that connections come from: with 28,000 ports each, more than its
/// file limit allows.
pub const MOST_SOURCE_ADDRESSES: usize = 256;

/// How long the requests of `setup` or `teardown` may take in all, unless the scenario sets it: as
/// long as a runner waits for an answer.
pub const DEFAULT_ONCE_US: u64 = 60 * 1_000_000;
/// Shortest such time: below it the first connection decides.
pub const SHORTEST_ONCE_US: u64 = 1_000_000;
/// Longest such time: all runners of a run wait for its setup.
pub const LONGEST_ONCE_US: u64 = 600 * 1_000_000;

/// Most `execution` items: each is a load of its own in every runner.
pub const MOST_EXECUTIONS: usize = 20;
/// Most named scenarios.
pub const MOST_SCENARIOS: usize = 100;
/// Most requests of a scenario (contract).
pub const MOST_REQUESTS: usize = 100;
/// Most blocks (conditions, loops, choices, transactions) of a scenario: two for each request.
pub const MOST_BLOCKS: usize = 2 * MOST_REQUESTS;
/// Longest URL, characters (contract).
pub const LONGEST_URL: usize = 2_048;
/// Longest request body, characters (contract); longer ones go into `body-file`.
pub const LONGEST_BODY: usize = 65_536;
/// Most headers of a scenario or a request: servers refuse more.
pub const MOST_HEADERS: usize = 100;
/// Longest header value, bytes: servers refuse more.
pub const LONGEST_HEADER_BYTES: usize = 8_192;
/// Longest label, characters; longer ones are cut with a hash (decision 16).
pub const LONGEST_LABEL: usize = 255;
/// Longest file name, characters: PATH_MAX of Linux.
pub const LONGEST_PATH: usize = 4_096;
/// Most redirects that are followed unless the scenario sets it.
pub const DEFAULT_REDIRECTS: u32 = 10;
/// Most redirects that may be asked for: five times what browsers follow.
pub const MOST_REDIRECTS: u64 = 100;
/// Most entries of `expect-status`.
pub const MOST_STATUSES: usize = 100;
/// Shortest time limit of a request: below it a timer's grain decides.
pub const SHORTEST_TIMEOUT_US: u64 = 1_000;
/// Longest time limit of a request: the longest latency that is recorded.
pub const LONGEST_TIMEOUT_US: u64 = 3600 * 1_000_000;
/// Longest pause between requests: a day.
pub const LONGEST_THINK_TIME_US: u64 = 24 * 3600 * 1_000_000;

/// Most entries of `variables`: ten times what a long script has.
pub const MOST_VARIABLES: usize = 200;
/// Longest name of a variable, characters: it is shown in messages.
pub const LONGEST_VARIABLE_NAME: usize = 128;
/// Longest value in `variables`, characters: as a body, which may be one.
pub const LONGEST_VARIABLE: usize = LONGEST_BODY;
/// Most files of rows of a scenario: each is held whole by every runner.
pub const MOST_DATA_SOURCES: usize = 10;
/// Most files that are put beside a script: more belong into an archive.
pub const MOST_SCRIPT_FILES: usize = 50;
/// Most columns of such a file: each is a variable.
pub const MOST_COLUMNS: usize = 100;
/// Largest file of rows, bytes: what a runner fetches from the depot at most.
pub const LARGEST_DATA_BYTES: u64 = LARGEST_FILE_BYTES;
/// Most rows of such a file: a row for each user that a run may have.
pub const MOST_ROWS: u64 = MOST_USERS;
/// Most fields of a form: as headers.
pub const MOST_FORM_FIELDS: usize = 100;
/// Longest name of a form's field, characters.
pub const LONGEST_FIELD_NAME: usize = 256;
/// Most files of a form: all are held in memory.
pub const MOST_UPLOADS: usize = 20;
/// Most entries of `assert`, of `assert-jsonpath` and of each `extract-…`: all
/// are tried on every answer.
pub const MOST_CHECKS: usize = 50;
/// Longest regular expression or JSONPath, characters.
pub const LONGEST_PATTERN: usize = 2_048;
/// Most regular expressions and JSONPaths of a scenario text: each is
/// compiled when it is read, and a hostile text must not take minutes.
pub const MOST_PATTERNS: usize = 1_000;
/// Largest regular expression once compiled, bytes.
pub const LARGEST_PATTERN_BYTES: usize = 1024 * 1024;
/// Deepest brackets in a JSONPath: its parser tries nested filters twice a level.
pub const DEEPEST_QUERY: usize = 8;
/// Highest `match-no`.
pub const MOST_MATCHES: u64 = 10_000;

/// Most entries of `testTaskConfigs` that are read: more than regions exist.
pub const MOST_TASK_CONFIGS: usize = 100;
/// Most tags (contract).
pub const MOST_TAGS: usize = 5;
/// Longest tag, characters; longer ones are dropped (contract).
pub const LONGEST_TAG: usize = 50;
/// Longest description, characters (contract).
pub const LONGEST_DESCRIPTION: usize = 60_000;
/// `healthyThreshold` unless the scenario sets it, per cent (decision 5).
pub const DEFAULT_HEALTHY_THRESHOLD: u64 = 90;
/// Most thresholds: each is judged for every run and shown on one screen.
pub const MOST_THRESHOLDS: usize = 100;
