//! What people type elsewhere, what they type here, and what must be the same. `docs/coming-from.md`
//! has this table; running it is left to the module above.

/// Something that is the same with both commands, as the target sees it.
#[derive(Debug, Clone, Copy)]
pub enum Same {
    /// Exactly so many requests.
    Requests(u64),
    /// Exactly so many connections: as many as users, or a new one for each request.
    Connections(u64),
    /// So many requests due per second, whatever the target does.
    Rate(u64),
    /// No more requests per second.
    Cap(u64),
    /// As long as the command says.
    Duration,
    Method(&'static str),
    Body(&'static str),
    Header(&'static str, &'static str),
    /// Redirects are not followed.
    NotFollowed,
}

use Same::{Body, Cap, Connections, Duration, Header, Method, NotFollowed, Rate, Requests};

/// A row. `URL` stands for the target; a time of 30s is a second when it is tried.
pub struct Row {
    pub theirs: &'static str,
    pub ours: &'static str,
    pub same: &'static [Same],
    /// What else a reader has to know.
    pub note: &'static str,
}

const fn row(theirs: &'static str, ours: &'static str, same: &'static [Same]) -> Row {
    noted(theirs, ours, same, "")
}

const fn noted(
    theirs: &'static str,
    ours: &'static str,
    same: &'static [Same],
    note: &'static str,
) -> Row {
    Row {
        theirs,
        ours,
        same,
        note,
    }
}

/// Basic auth of ann:secret, as `base64` writes it.
const ANN: Same = Header("Authorization", "Basic YW5uOnNlY3JldA==");
const JSON: Same = Header("Content-Type", "application/json");
/// What the tried `body.json` holds.
pub const BODY_FILE: &str = "{\"from\": \"a file\"}";
const FROM_FILE: Same = Body(BODY_FILE);
const KIND: Same = Header("X-Kind", "load");

/// All of them.
pub const TABLE: [Row; 38] = [
    row(
        "oha -n 200 -c 50 URL",
        "dlt run URL -n 200 -c 50",
        &[Requests(200), Connections(50)],
    ),
    row(
        "oha -z 30s -c 50 URL",
        "dlt run URL -z 30s -c 50",
        &[Duration, Connections(50)],
    ),
    noted(
        "oha -z 30s -q 200 --latency-correction URL",
        "dlt run URL -z 30s --arrivals 200",
        &[Rate(200)],
        "times count from when a request was due",
    ),
    row(
        "oha -n 50 -c 10 --disable-keepalive URL",
        "dlt run URL -n 50 -c 10 --no-keepalive",
        &[Requests(50), Connections(50)],
    ),
    row(
        "oha -n 20 -c 5 -m POST -d '{\"a\":1}' -T application/json URL",
        "dlt run URL -n 20 -c 5 -b '{\"a\":1}' -H 'Content-Type: application/json'",
        &[Requests(20), Method("POST"), Body("{\"a\":1}"), JSON],
    ),
    row(
        "hey -n 200 -c 50 URL",
        "dlt run URL -n 200 -c 50",
        &[Requests(200), Connections(50)],
    ),
    noted(
        "hey -z 30s -c 50 -q 4 URL",
        "dlt run URL -z 30s -c 50 --throughput 200",
        &[Duration, Cap(200)],
        "hey's `-q` is each worker's",
    ),
    row(
        "hey -n 20 -c 2 -m PUT -D body.json URL",
        "dlt run URL -n 20 -c 2 -m PUT -b @body.json",
        &[Requests(20), Method("PUT"), FROM_FILE],
    ),
    row(
        "hey -n 20 -c 2 -a ann:secret URL",
        "dlt run URL -n 20 -c 2 -u ann:secret",
        &[Requests(20), ANN],
    ),
    row(
        "hey -n 20 -c 2 -disable-redirects URL/moved",
        "dlt run URL/moved -n 20 -c 2 --no-follow",
        &[Requests(20), NotFollowed],
    ),
    noted(
        "wrk -t2 -c50 -d30s URL",
        "dlt run URL -c 50 -d 30s",
        &[Duration, Connections(50)],
        "all cores are used; `-t` has no place",
    ),
    row(
        "wrk -t2 -c10 -d30s -H 'X-Kind: load' URL",
        "dlt run URL -c 10 -d 30s -H 'X-Kind: load'",
        &[Duration, Connections(10), KIND],
    ),
    noted(
        "wrk2 -t2 -c50 -d30s -R200 URL",
        "dlt run URL --arrivals 200 -d 30s",
        &[Rate(200)],
        "as many connections as are needed",
    ),
    noted(
        "ab -n 100 -c 10 URL",
        "dlt run URL -n 100 -c 10 --no-keepalive",
        &[Requests(100), Connections(100)],
        "ab keeps connections only with `-k`, which is another flag here",
    ),
    row(
        "ab -k -n 200 -c 10 URL",
        "dlt run URL -n 200 -c 10",
        &[Requests(200), Connections(10)],
    ),
    row(
        "ab -k -n 20 -c 2 -p body.json -T application/json URL",
        "dlt run URL -n 20 -c 2 -b @body.json -H 'Content-Type: application/json'",
        &[Requests(20), Method("POST"), FROM_FILE, JSON],
    ),
    row(
        "ab -k -n 20 -c 2 -A ann:secret URL",
        "dlt run URL -n 20 -c 2 -u ann:secret",
        &[Requests(20), ANN],
    ),
    row(
        "bombardier -n 200 -c 50 URL",
        "dlt run URL -n 200 -c 50",
        &[Requests(200), Connections(50)],
    ),
    row(
        "bombardier -d 30s -c 50 -r 200 URL",
        "dlt run URL -d 30s -c 50 --throughput 200",
        &[Duration, Cap(200)],
    ),
    row(
        "bombardier -n 20 -c 2 -m PUT -b 'a=b' URL",
        "dlt run URL -n 20 -c 2 -m PUT -b 'a=b'",
        &[Requests(20), Method("PUT"), Body("a=b")],
    ),
    row(
        "vegeta attack -targets=targets.txt -rate=200 -duration=30s",
        "dlt run URL --arrivals 200 -d 30s",
        &[Rate(200)],
    ),
    row(
        "vegeta attack -targets=targets.txt -rate=0 -max-workers=50 -duration=30s",
        "dlt run URL -c 50 -d 30s",
        &[Duration, Connections(50)],
    ),
    noted(
        "k6 run --vus 50 --iterations 200 script.js",
        "dlt run scenario.yaml -c 50 -n 200",
        &[Requests(200), Connections(50)],
        "for an iteration of one request",
    ),
    row(
        "k6 run --vus 50 --duration 30s script.js",
        "dlt run scenario.yaml -c 50 -d 30s",
        &[Duration, Connections(50)],
    ),
    noted(
        "k6 run --stage 0s:50,30s:50 script.js",
        "dlt run scenario.yaml --stages 50:0s,50:30s",
        &[Duration, Connections(50)],
        "k6 has the time first",
    ),
    noted(
        "siege -b -c 10 -r 5 URL",
        "dlt run URL -c 10 --iterations 5",
        &[Requests(50)],
        "rounds are each user's",
    ),
    row(
        "siege -b -c 10 -t 30S URL",
        "dlt run URL -c 10 -d 30s",
        &[Duration, Connections(10)],
    ),
    row(
        "autocannon -c 10 -a 200 URL",
        "dlt run URL -c 10 -n 200",
        &[Requests(200), Connections(10)],
    ),
    row(
        "autocannon -c 10 -a 20 -m POST -b 'a=b' -H 'X-Kind: load' URL",
        "dlt run URL -c 10 -n 20 -b 'a=b' -H 'X-Kind: load'",
        &[Requests(20), Method("POST"), Body("a=b"), KIND],
    ),
    row(
        "curl -X POST -H 'X-Kind: load' -d 'a=b' URL",
        "dlt run URL -n 1 -X POST -H 'X-Kind: load' -b 'a=b'",
        &[Requests(1), Method("POST"), Body("a=b"), KIND],
    ),
    row(
        "curl -u ann:secret -I URL",
        "dlt run URL -n 1 -u ann:secret -m HEAD",
        &[Requests(1), Method("HEAD"), ANN],
    ),
    row(
        "artillery quick --count 10 --num 20 URL",
        "dlt run URL -c 10 --iterations 20",
        &[Requests(200), Connections(10)],
    ),
    noted(
        "jmeter -n -t plan.jmx -Jthreads=10 -Jloops=5",
        "dlt run scenario.yaml -c 10 --iterations 5",
        &[Requests(50), Connections(10)],
        "where the plan reads these properties",
    ),
    row(
        "bzt test.yml -o execution.0.concurrency=10 -o execution.0.iterations=5",
        "dlt run scenario.yaml -c 10 --iterations 5",
        &[Requests(50), Connections(10)],
    ),
    noted(
        "drill --benchmark benchmark.yml",
        "dlt run scenario.yaml -c 4 -n 20",
        &[Requests(20), Connections(4)],
        "with `concurrency: 4` and `iterations: 20` of one request in the file",
    ),
    row(
        "plow URL -c 50 -n 200",
        "dlt run URL -c 50 -n 200",
        &[Requests(200), Connections(50)],
    ),
    row(
        "cassowary run -u URL -c 10 -n 200",
        "dlt run URL -c 10 -n 200",
        &[Requests(200), Connections(10)],
    ),
    row(
        "fortio load -qps 200 -t 30s -c 8 URL",
        "dlt run URL --throughput 200 -d 30s -c 8",
        &[Duration, Cap(200)],
    ),
];
